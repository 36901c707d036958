"""The order in which tests/test_commands.py runs the commands that the pages show, and what each of them needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Run:
    """A command as a page shows it.

    Attributes:
        instead: what stands for the reader's own words.
        more: words that make it short.
        folder: where it runs: in the project, a recipe or a task; or `../` for a folder beside the project.
        prints: what it must print; if it fails, the reason.
        fails: it must end with an error.
    """

    command: str
    instead: Mapping[str, str] = field(default_factory=dict)
    more: str = ""
    folder: str = "."
    prints: str = ""
    fails: bool = False


@dataclass(frozen=True)
class Own:
    """What no page shows, for a shell: preparations, and checks of what a command did."""

    command: str


Step = Run | Own

COMMIT = Own("git add --all && git commit --quiet --message state")
BACK = (Run("git checkout ."), Run("dvc checkout"))
ENDED = Own("until ! dvc queue status | grep -E 'Queued|Running'; do sleep 2; done")
WAIT = Own(f"{ENDED.command}; ! dvc queue status | grep Failed")
UP_TO_DATE = "Data and pipelines are up to date"
CURRENT = Own(f"dvc status $(dvc stage list --name-only | grep -v outside) | grep '{UP_TO_DATE}'")
"""Nothing is out of date; `outside` always runs."""


def smaller(folder: str) -> Own:
    """Make the trainings of a recipe short."""
    return Own(f"cd {folder} && python ../../smaller.py")


LOOK: tuple[Step, ...] = (
    Run("dvc repro", prints="Stage 'report' didn't change, skipping"),
    Run("dvc repro report"),
    Run("dvc status", prints="always changed"),
    Run("dvc dag --mermaid", prints="flowchart TD"),
    Run("dvc metrics show", prints="metrics/evaluate.json"),
    Run("dvc plots show"),
    Own("test -s dvc_plots/index.html"),
    Run("galaxy predict", more=" my_images"),
    Run("galaxy predict my_images/ --model models/resnet"),
    Own("test $(wc --lines < predictions.csv) = 5"),
    Run("galaxy predict my_images/ --views 8 --figure trees/"),
    Own("test $(ls trees/*.png | wc --lines) = 4"),
    Run("galaxy predict my_images/ --interval 0.9"),
    Run("galaxy embed my_images/", prints="features each"),
    Run("galaxy similar my_images/1.png", {"my_images/1.png": "$(ls my_images/* | head --lines 1)"}, prints="3 images"),
    Run("galaxy unusual embeddings.parquet"),
    Own("(echo file,interesting; paste --delimiters , <(ls my_images/* | head --lines 2) <(seq 0 1)) > marked.csv"),
    Run("galaxy unusual embeddings.parquet --labels marked.csv"),
    Own("head --lines 1 predictions.csv | grep Class11.6_high"),
    Run("galaxy predict list.csv 'survey/*.fits' more.zip"),
    Own("test $(wc --lines < predictions.csv) = 6"),
    Run("galaxy predict my_images/ --shard 3/16", prints="none, so there is only a header"),
    Own("for share in 1 2; do printf 'file\\n1.png\\n' > predictions-0$share-of-16.csv; done"),
    Own("awk 'NR == 1 || FNR > 1' predictions-*-of-16.csv > predictions.csv"),
    Own("test $(wc --lines < predictions.csv) = 3"),
    Run("galaxy predict 'survey/*.fits' --survey sdss"),
    Own("python predict.py"),
    Run("galaxy export models/resnet resnet.onnx"),
    Own("test -s resnet.md && python take_along.py"),
    Run("galaxy submit --dry-run", prints="would be refused"),
    Run("galaxy submit --message 'more views'", prints="Kaggle takes only", fails=True),
    Run("python -m galaxy.inference.submission data/submission/submission.csv data/raw/images_test_rev1.zip"),
    Run(
        "kaggle competitions submit galaxy-zoo-the-galaxy-challenge -f data/submission/submission.csv "
        '-m "course networks"',
        prints="Successfully submitted",
    ),
    Run("galaxy --version", prints="galaxy 0."),
    Run("galaxy --print-completion zsh", prints="#compdef galaxy"),
    Run("galaxy params", prints="`download.source`"),
    Run("galaxy params", folder="tasks/galaxy10", prints="`held_out.classes`"),
    Run("python -m galaxy.core.decision_tree", prints="`Class11.6`"),
    Run("python -m stages.download"),
    Run("python -m stages.preprocess"),
    Run("python -m stages.train cnn"),
    Run("dvc commit", more=" --force"),
    Own("git clean --quiet --force -d"),
    *BACK,
    Run("pip install kaggle six"),
    Run('pip install "galaxy-zoo-pipeline[app]"'),
    Run('pip install "galaxy-zoo-pipeline[dvclive]"'),
    Run('pip install "galaxy-zoo-pipeline[export]"'),
    Run('pip install "galaxy-zoo-pipeline[fits]"'),
    Run('pip install "galaxy-zoo-pipeline[mlflow]"'),
    Run('pip install "galaxy-zoo-pipeline[parquet]"'),
    Run('pip install "galaxy-zoo-pipeline[tensorboard]"'),
    Run('pip install "galaxy-zoo-pipeline[wandb]"'),
    Run('pip install "galaxy-zoo-pipeline[weights]"'),
    Run("dvc cache dir", more=" --local ../cache"),
    Run("pre-commit install"),
)

EXPERIMENTS: tuple[Step, ...] = (
    Own("git reset --quiet --soft HEAD^"),
    Run('git commit --all --message "my baseline"'),
    Run("dvc exp run", prints="Stage 'train_cnn' didn't change, skipping"),
    Run("dvc exp run -S train_cnn.epochs=20", more=" -S train_cnn.epochs=2 -S train_cnn.seed=2 --name changed"),
    Run("dvc params diff", prints="train_cnn.epochs"),
    Run("dvc metrics diff", prints="metrics/train/cnn.json"),
    Run("dvc plots diff HEAD workspace"),
    Run("galaxy compare", more=" HEAD workspace"),
    Run("galaxy compare HEAD workspace", prints="train_cnn.epochs"),
    Run("galaxy compare HEAD workspace --brief", prints="verdict"),
    Run("dvc exp show"),
    Run("dvc exp show --only-changed"),
    Run("dvc exp run --temp"),
    Own("echo changed > ../name && git checkout --quiet -b my-experiment && rm -r dvc_plots"),
    COMMIT,
    Own("git checkout --quiet main"),
    Run("dvc checkout"),
    CURRENT,
    Run("galaxy compare main my-experiment --model cnn"),
    Run("galaxy compare HEAD HEAD --model cnn resnet"),
    Run("dvc exp apply NAME", {"NAME": "$(cat ../name)"}),
    CURRENT,
    Run("dvc metrics diff main", prints="metrics/train/cnn.json"),
    *BACK,
    CURRENT,
    Own('test -s data/raw/images_test_rev1.zip && test -z "$(git status --short)"'),
    Own("! dvc exp run -S '+train_cnn.foo=1' > ../printed 2>&1 && grep 'unknown key train_cnn.foo' ../printed"),
    Run("git checkout params.yaml"),
    Run("dvc repro"),
    Run("dvc status", prints="always changed"),
    Own("python further_model.py"),
    Run("dvc repro train@convnext"),
    Run("dvc repro"),
    Own("test -s data/predictions/convnext.csv && git clean --quiet --force -d"),
    *BACK,
    Run("git tag -a cnn@v1.0.0", more=" -m first"),
    Run("dvc artifacts get URL cnn --rev v1.0.0", {"URL": "."}, more=" --out ../cnn"),
    Run("dvc remote add --default storage /mnt/shared/galaxy_zoo", {"/mnt/shared": "$(dirname $PWD)"}),
    Run("dvc push"),
    Run("git commit", more=" --quiet --all --message remote"),
    Run("git clone", more=" --quiet . ../pulled"),
    Run("dvc pull --allow-missing", folder="../pulled"),
    Own("test -s ../pulled/models/cnn/model.safetensors"),
    Run("dvc gc --all-commits --all-experiments", more=" --force"),
    Run("dvc gc --workspace --projects recipes/cpu tasks/galaxy10", more=" --force"),
    Run("dvc gc --workspace", more=" --force"),
    Run("dvc checkout --relink"),
    *BACK,
    Own(": > dvc.lock"),  # as a kill may leave it
    Run("dvc repro", prints="'./dvc.lock' validation failed", fails=True),
    Run("git checkout dvc.lock"),
    Own(": > .dvc/tmp/rwlock"),
    Run("dvc repro", prints="Unable to read RWLock-file", fails=True),
    Run("rm .dvc/tmp/rwlock"),
    Run("dvc repro", prints="Stage 'report' didn't change, skipping"),
)

EXPERIMENTS_TABLE = (
    "dvc exp show --csv --hide-workspace --hide-queued --hide-failed --only-changed --precision 5 "
    r"--sort-by valid_rmse.mean --drop '(?!Experiment|(valid_)?rmse\.mean|train)' | sed 's/^,/HEAD,/; s/train_//g' | "
    'python -c "import pandas, sys; print(pandas.read_csv(sys.stdin).to_string(index=False))"'
)

QUEUE: tuple[Step, ...] = (
    Run(
        "dvc exp run --queue -S train_cnn.learning_rate=0.002,0.004,0.006 -S train_cnn.optimizer=adamw,sgd",
        {"0.002,0.004,0.006": "0.002,0.004"},
    ),
    Own("dvc exp run --queue --name wrong -S train_cnn.learning_rate=-1"),
    Run("dvc queue status", prints="Queued"),
    Run("dvc queue start"),
    ENDED,
    Run("dvc queue logs NAME", {"NAME": "wrong"}, prints="train_cnn.learning_rate is -1: input should be greater than"),
    Run(EXPERIMENTS_TABLE, more=" | tee ../table", prints="cnn.learning_rate"),
    Own("test $(wc --lines < ../table) = 6 && ! grep --extended-regexp 'wrong|NaN|.{81}' ../table"),
    Own("tail --lines +3 ../table | awk '{print $3}' | sort --numeric-sort --check"),
    Own("test $(awk 'NR > 1 {print $3}' ../table | sort --unique | wc --lines) -gt 2"),
    Run("galaxy compare HEAD NAME", {"NAME": "$(awk 'NR == 3 {print $1}' ../table)"}, prints="train_cnn.learning_rate"),
    Run("dvc exp remove NAME", {"NAME": "$(awk 'NR == 3 {print $1}' ../table)"}),
    Run("dvc queue remove --all", prints="wrong"),
    Run("dvc exp run --queue -S 'train_cnn.seed=range(2,5)'", {"range(2,5)": "range(2,4)"}),
    Run("dvc exp run --queue -S train_resnet.seed=1,2,3,4"),
    Run("dvc queue start --jobs 4"),
    Run("for rate in 0.0005 0.001 0.002; do dvc exp run --queue -S train_resnet.learning_rate=$rate; done"),
    Run("CUDA_VISIBLE_DEVICES=0 dvc queue start"),
    WAIT,
    Run("dvc exp remove --keep NAME", {"NAME": "$(dvc exp list --name-only | head --lines 1)"}),
    Own("test $(dvc exp list --name-only | wc --lines) = 1"),
)

NETWORKS: tuple[Step, ...] = (
    Run("dvc exp run -S train_resnet.model=convnext_atto -S train_resnet.learning_rate=0.002"),
    *BACK,
    Run("dvc exp run -S train_resnet.devices=8 -S train_resnet.batch_size=512", more=" -S train_resnet.batch_size=64"),
    Run("python -m stages.train resnet"),
    Run("dvc commit train_resnet", more=" --force"),
    *BACK,
    Run(
        "dvc exp run -S evaluate.views.rotations=4 -S evaluate.views.flip=true "
        "-S make_submission.views.rotations=4 -S make_submission.views.flip=true"
    ),
    *BACK,
    Run(
        "dvc exp run -S train_cnn.head=dirichlet -S train_cnn.loss=dirichlet_multinomial",
        prints="votes within the intervals",
    ),
    Own("galaxy predict my_images --model models/cnn --interval 0.9 --volunteers 80"),
    *BACK,
    Run("dvc exp run -S train_cnn.logger=dvclive"),
    Run("dvc plots show runs/cnn/plots/metrics/loss.tsv"),
    Own('test -s runs/cnn/metrics.json && test -z "$(git status --short runs)"'),
    *BACK,
    Own("python encoder.py"),
    Run(
        "dvc exp run -S train_resnet.model=local-dir:data/encoder -S train_resnet.pretrained=true",
        prints="starting from local-dir:data/encoder",
    ),
    *BACK,
    Own("python register.py"),
    Run("dvc exp run -S train_cnn.model=tiny_net"),
)

CROPS: tuple[Step, ...] = (
    Run("dvc exp run -S preprocess.crop=300 -S preprocess.size=91 -S train_cnn.crop=212 -S train_resnet.crop=212"),
    *BACK,
    Run(
        "dvc exp run -S preprocess.crop=300 -S preprocess.size=91 -S train_cnn.crop=212 -S train_resnet.crop=212 "
        "-S 'train_resnet.augmentation.crop=[128,288]' -S train_resnet.augmentation.zoom=1"
    ),
)

SOURCES: tuple[Step, ...] = (
    Run("dvc exp run -S download.source=local"),
    *BACK,
    Run("dvc exp run --temp", more=" -S download.source=local -S train_cnn.seed=3", prints="Running stage 'train_cnn'"),
    Run("dvc exp run -S train_cnn.seed=2 -S train_resnet.seed=2"),
    *BACK,
    Run("dvc exp run -S train_cnn.seed=2 -S train_resnet.seed=2 -S download.source=local"),
    *BACK,
    Run("cp -rL models/resnet data/simulated_resnet"),
    Run(
        "dvc exp run -S download.source=local -S train_resnet.weights=data/simulated_resnet",
        prints="starting from data/simulated_resnet",
    ),
    *BACK,
    Run("dvc exp run -S download.source=kaggle"),
    Own("test -s data/kaggle/images_test_rev1.zip"),
)

IN_CPU, IN_SCRATCH, IN_COURSE = "recipes/cpu", "recipes/scratch", "recipes/course"
IN_FOLDS, IN_LEADERBOARD, IN_MINE = "recipes/folds", "recipes/leaderboard", "recipes/mine"

CPU: tuple[Step, ...] = (
    smaller(IN_CPU),
    Run("dvc repro pretrain", folder=IN_CPU, prints="starting from package:efficientnet_lite2"),
    Run("dvc repro", folder=IN_CPU, prints="starting from start/models/lite2"),
    Own(f"test -s {IN_CPU}/data/submission/submission.csv"),
    Run("git add .", folder=IN_CPU),
    Run('git commit --message "cpu, baseline"', folder=IN_CPU),
    Run("dvc exp run -S train.lite2.epochs=12", folder=IN_CPU, more=" -S train.lite2.epochs=2"),
    Run("dvc metrics diff", folder=IN_CPU, prints="metrics/train/lite2.json"),
    Run("git checkout .", folder=IN_CPU),
    Run("dvc checkout", folder=IN_CPU),
    Own(f"cd {IN_CPU} && {CURRENT.command}"),
    Run("python ../../benchmarks/cross_validation.py params.yaml ../../data/competition --only 3", folder=IN_CPU),
    Run(
        "python ../../benchmarks/cross_validation.py params.yaml ../../data/competition --folds 10 --only 0",
        folder=IN_CPU,
    ),
    Own(f"! git status --short | grep {IN_CPU} && {CURRENT.command}"),
)

SCRATCH: tuple[Step, ...] = (
    smaller(IN_SCRATCH),
    Run("dvc repro", folder=IN_SCRATCH, prints="starting from start/models/resnet18"),
    Own(f"test -s {IN_SCRATCH}/data/submission/submission.csv"),
    smaller(IN_COURSE),
    Run("dvc repro", folder=IN_COURSE),
    Own(f"test -s {IN_COURSE}/data/submission/submission.csv"),
)

FOLDS: tuple[Step, ...] = (
    smaller(IN_FOLDS),
    Run("dvc repro split pretrain", folder=IN_FOLDS),
    Run(
        "for fold in 0 1 2 3 4; do CUDA_VISIBLE_DEVICES=$fold dvc repro --single-item train@lite2-$fold & done; wait",
        folder=IN_FOLDS,
    ),
    Run("dvc repro", folder=IN_FOLDS, prints="Running stage 'train@resnet18-0'"),
    Own(f"test -s {IN_FOLDS}/data/submission/submission.csv"),
    COMMIT,
    Run(
        "dvc exp run -S 'train_folds=[0,1]' -S train.resnet18.epochs=24",
        folder=IN_FOLDS,
        more=" -S train.resnet18.epochs=2",
    ),
    Own(f"cd {IN_FOLDS} && galaxy compare HEAD workspace --model mean weighted_by_question"),
    Run("dvc repro predict@lite2-0", folder=IN_FOLDS),
    Run("cp -rL data/folds data/teacher", folder=IN_FOLDS),
    Run(
        "dvc exp run -S 'train.resnet18.teacher={predictions:\"data/teacher/lite2-{fold}/test.csv\",share:0.5}' "
        "predict@resnet18-0",
        folder=IN_FOLDS,
    ),
    Run(
        "dvc exp run -S train.resnet18.epochs=16 predict@resnet18-0",
        folder=IN_FOLDS,
        more=" -S train.resnet18.epochs=2",
    ),
)

LEADERBOARD: tuple[Step, ...] = (
    Own(f"cd {IN_LEADERBOARD} && galaxy params"),
    smaller(IN_LEADERBOARD),
    Run("dvc repro", folder=IN_LEADERBOARD),
    Own(f"test -s {IN_LEADERBOARD}/data/submission/submission.csv"),
    Run(
        "dvc exp run -S train.convnext.gradient_accumulation=4 -S train.vit.gradient_accumulation=4",
        folder=IN_LEADERBOARD,
    ),
    Run("python ../../benchmarks/recipe.py params.yaml data/preprocessed", folder=IN_LEADERBOARD, more=" --steps 2"),
    Run("mkdir recipes/mine"),
    Run("dvc init --subdir", folder=IN_MINE),
    Run("ln -s ../../galaxy ../../stages .", folder=IN_MINE),
    Run("cp ../cpu/dvc.yaml ../cpu/params.yaml ../cpu/.dvcignore .", folder=IN_MINE),
    Run("cp ../cpu/.dvc/config .dvc/config", folder=IN_MINE),
    smaller(IN_MINE),
    Own(f"cd {IN_MINE} && dvc repro split"),
)

IN_CIFAR10, IN_FASHION_MNIST = "tasks/cifar10", "tasks/fashion_mnist"
IN_GALAXY10, IN_SPORTS = "tasks/galaxy10", "tasks/sports"

CIFAR10: tuple[Step, ...] = (
    Run("dvc repro", folder=IN_CIFAR10),
    Run("dvc exp run -S data.source=local -S 'compared=[resnet_fast]'", folder=IN_CIFAR10),
    Own(f"cd {IN_CIFAR10} && git checkout ."),
    Run("dvc exp run -S data.source=local", folder=IN_CIFAR10),
)

FASHION_MNIST: tuple[Step, ...] = (
    Run("dvc repro", folder=IN_FASHION_MNIST),
    Run("dvc exp run -S data.source=local -S 'compared=[resnet34,resnet18,resnet50]'", folder=IN_FASHION_MNIST),
)

GALAXY10: tuple[Step, ...] = (
    Run("dvc repro", folder=IN_GALAXY10),
    Run("dvc exp run -S data.source=local -S data.local=../../data/competition", folder=IN_GALAXY10),
)

SPORTS: tuple[Step, ...] = (
    Run("dvc repro", folder=IN_SPORTS),
    Own(f"test -s {IN_SPORTS}/data/submission.csv"),
)

IN_OWN_LABELS = "tasks/own_labels"

OWN_LABELS: tuple[Step, ...] = (
    Run("dvc repro", folder=IN_OWN_LABELS, prints="report: data/report/report.html"),
    Run("python -m galaxy.own_labels.example example", prints="simulated galaxies"),
    Run("galaxy params", folder=IN_OWN_LABELS, prints="`target.kind`"),
    Run(
        "galaxy predict images/ --model tasks/own_labels/models/resnet",
        {"images/": "example/images/"},
        prints="trained on simulated images",
    ),
)

REAL = {"REAL": "data/competition", "FOLDER": "data/competition"}

BENCHMARKS: tuple[Step, ...] = (
    Run("python benchmarks/reference.py REAL", REAL),
    Run(
        "python benchmarks/embeddings.py recipes/scratch/start/models/resnet18 REAL",
        REAL | {"recipes/scratch/start/models/resnet18": "models/resnet"},
        more=" --simulated 100",
    ),
    Run("python benchmarks/preprocessing.py IMAGES.zip 7", {"IMAGES.zip": "data/raw/images_training_rev1.zip"}),
    Run(
        "python benchmarks/streaming.py IMAGES.zip",
        {"IMAGES.zip": "data/raw/images_training_rev1.zip"},
        more=" --images 3000",
    ),
    Run("python benchmarks/memory.py", more=" --rounds 1"),
    Run("python benchmarks/training.py --workers 2", more=" --steps 2 --rounds 1"),
    Run("python benchmarks/training.py --rounds 9 --steps 12", more=" --rounds 1 --steps 2"),
    Run("OMP_NUM_THREADS=1 python benchmarks/training.py --rounds 14 --steps 8", more=" --rounds 1 --steps 2"),
    Run("python benchmarks/ablations.py REAL", REAL, more=" --seeds 1 --only flips"),
    Run("python benchmarks/transfer.py REAL", REAL, more=" --seeds 0 --galaxies 100"),
    Run("python benchmarks/transfer.py REAL --seeds 2", REAL, more=" --seeds 0 --galaxies 100"),
    Run("python benchmarks/scale.py FOLDER", REAL, more=" --training 300 --test 20"),
)

CLONE = "../galaxy-zoo"


def in_clone(command: str, folder: str = ".", **rest: Any) -> Run:
    """Return a command as a page shows it, to run in the clone."""
    return Run(command, folder=f"{CLONE}/{folder}", **rest)


MADE_ELSEWHERE = Own(
    "sed --in-place --regexp-extended 's/md5: .{4}/md5: 0000/' dvc.lock && git commit -qam 'elsewhere'"
)
"""The results that `HEAD` names then are in no cache, as in a clone of what another machine has committed."""

TUTORIAL: tuple[Step, ...] = (
    MADE_ELSEWHERE,
    Run("git clone URL galaxy-zoo", {"URL": "project"}, folder="../"),
    in_clone("dvc repro", prints="Running stage 'report'"),
    Own(f"cd {CLONE} && ! galaxy compare HEAD workspace > printed 2>&1 && grep 'made elsewhere' printed && rm printed"),
    in_clone('git commit --all --message "my baseline"'),
    in_clone("dvc exp run -S train_cnn.epochs=20", more=" -S train_cnn.epochs=4", prints="train_cnn"),
    in_clone("dvc params diff", prints="train_cnn.epochs"),
    in_clone("galaxy compare HEAD workspace --brief", prints="verdict"),
    in_clone('git commit --all --message "cnn: 20 epochs"'),
    in_clone("dvc exp run -S train_cnn.seed=2"),
    in_clone("galaxy compare HEAD workspace --brief", prints="train_cnn.seed"),
    in_clone("git checkout params.yaml"),
    in_clone("dvc repro", prints="is cached"),
    Own(f'cd {CLONE} && test -z "$(git status --short)"'),
    in_clone("dvc exp show"),
    in_clone("mkdir data/competition"),
    in_clone(
        "cp DOWNLOADS/images_training_rev1.zip DOWNLOADS/images_test_rev1.zip DOWNLOADS/training_solutions_rev1.zip "
        "data/competition",
        instead={"DOWNLOADS": "../project/data/competition"},
    ),
    in_clone("dvc exp run -S download.source=local"),
    in_clone('git commit --all --message "real galaxies"'),
    Own(f"cd {CLONE}/{IN_CPU} && python ../../../project/smaller.py"),
    in_clone("dvc repro", folder=IN_CPU, prints="starting from start/models/lite2"),
    in_clone("galaxy submit --dry-run", folder=IN_CPU, prints="would be refused"),
)

WALKS: dict[str, tuple[Step, ...]] = {
    "tutorial": TUTORIAL,
    "experiments": EXPERIMENTS,
    "queue": QUEUE,
    "networks": NETWORKS,
    "look": LOOK,
    "benchmarks": BENCHMARKS,
    "sources": SOURCES,
    "crops": CROPS,
    "cpu": CPU,
    "scratch": SCRATCH,
    "folds": FOLDS,
    "leaderboard": LEADERBOARD,
    "cifar10": CIFAR10,
    "galaxy10": GALAXY10,
    "fashion_mnist": FASHION_MNIST,
    "sports": SPORTS,
    "own_labels": OWN_LABELS,
}
"""By name, the longest first."""

ELSEWHERE: dict[str, str] = {
    "python3 -m venv .venv": ".ci/run",
    "pip install uv": ".ci/run",
    'uv pip install --compile-bytecode -c constraints.txt -e ".[dev]"': ".ci/run",
    "pytest": ".ci/run",
    "ruff check .": ".ci/run",
    "ruff format --check .": ".ci/run",
    "mypy": ".ci/run",
    "pytest tests/test_graph.py": ".ci/run",
    "pytest -m slow tests/test_kills.py": "itself",
    "pytest -m slow tests/test_processes.py": "itself",
    "pytest -m slow --dist=load tests/test_commands.py": "itself",
    "torchrun --nnodes=4 --nproc-per-node=8 --rdzv-backend=c10d --rdzv-endpoint=FIRST_MACHINE:29500 "
    "-m stages.train resnet": "tests/test_processes.py, with two machines",
    "srun --nodes=4 --ntasks-per-node=8 --gpus-per-node=8 python -m stages.train resnet": "nowhere: needs SLURM",
    "dvc exp run -S train_resnet.model=hf-hub:mwalmsley/zoobot-encoder-convnext_nano -S train_resnet.pretrained=true": (
        "nowhere: needs the network; tests/test_starts.py has a hub on this machine"
    ),
    "kaggle auth login": "nowhere: needs a browser and an account of Kaggle's",
    "galaxy app": "tests/test_app.py; it serves its page until it is stopped",
    "galaxy app --model models/resnet --views 8": "the same",
    "tensorboard --logdir runs": "nowhere: it serves its pages until it is stopped",
    "uvx --from mlflow==3.17.2 mlflow ui --backend-store-uri sqlite:///runs/mlflow.db": "nowhere: needs the network",
    "wandb sync runs/cnn/wandb/latest-run": "nowhere: needs the network and an account",
    "pip install pip-audit": "nowhere: needs the network",
    "pip-audit --no-deps --disable-pip -r constraints.txt": "nowhere: needs the network",
}
"""Commands that no walk runs, and where they are run."""

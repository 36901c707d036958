"""The order in which tests/test_commands.py runs the commands that the pages show, and what each of them stands on."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Run:
    """A command as a page shows it, but for `instead` (what stands for the reader's own words), `more` (words that make
    it short), `folder` (where it runs) and `said` (what it must say; with `fails`, why it ends with an error)."""

    command: str
    instead: Mapping[str, str] = field(default_factory=dict)
    more: str = ""
    folder: str = "."
    said: str = ""
    fails: bool = False


@dataclass(frozen=True)
class Own:
    """What no page shows, in a shell's words: preparations, and checks of what a command did."""

    command: str


Step = Run | Own

COMMIT = Own("git add --all && git commit --quiet --message state")
BACK = (Run("git checkout ."), Run("dvc checkout dvc.yaml"))
WAIT = Own("until ! dvc queue status | grep -E 'Queued|Running'; do sleep 2; done; ! dvc queue status | grep Failed")

LOOK: tuple[Step, ...] = (
    Run("dvc repro", said="Data and pipelines are up to date"),
    Run("dvc repro report"),
    Run("dvc repro train_cnn"),
    Run("dvc status"),
    Run("dvc status dvc.yaml", said="Data and pipelines are up to date"),
    Run("dvc dag --mermaid", said="flowchart TD"),
    Run("dvc metrics show", said="metrics/evaluate.json"),
    Run("dvc plots show"),
    Own("test -s dvc_plots/index.html"),
    Run("galaxy predict", more=" my_images"),
    Run("galaxy predict my_images/ --model models/train_resnet"),
    Own("test $(wc --lines < predictions.csv) = 5"),
    Run("galaxy predict my_images/ --views 8 --figure trees/"),
    Own("test $(ls trees/*.png | wc --lines) = 4"),
    Run("galaxy predict list.csv 'survey/*.fits' more.zip"),
    Own("test $(wc --lines < predictions.csv) = 6"),
    Own("python predict.py"),
    Run("galaxy export models/train_resnet resnet.onnx"),
    Own("test -s resnet.md && python take_along.py"),
    Run("galaxy submit --dry-run", said="Kaggle takes only", fails=True),
    Run("galaxy submit --message 'more views'", said="Kaggle takes only", fails=True),
    Run("python -m galaxy.inference.submission data/submission/submission.csv data/raw/images_test_rev1.zip"),
    Run(
        "kaggle competitions submit galaxy-zoo-the-galaxy-challenge -f data/submission/submission.csv "
        '-m "course networks"',
        said="Successfully submitted",
    ),
    Run("python -m galaxy.cli.params"),
    Run("python -m galaxy.cli.params <task>", {"<task>": "galaxy10"}),
    Run("python -m galaxy.core.decision_tree"),
    Run("python -m stages.download"),
    Run("python -m stages.preprocess"),
    Run("python -m stages.train train_cnn"),
    Run("dvc commit", more=" --force dvc.yaml"),
    Own("git clean --quiet --force -d"),
    *BACK,
    Run("pip install kaggle six"),
    Run('pip install "galaxy-zoo-pipeline[export]"'),
    Run('pip install "galaxy-zoo-pipeline[fits]"'),
    Run('pip install "galaxy-zoo-pipeline[weights]"'),
    Run("dvc cache dir", more=" --local ../cache"),
    Run("pre-commit install"),
)

EXPERIMENTS: tuple[Step, ...] = (
    Run("dvc exp run", said="Stage 'train_cnn' didn't change, skipping"),
    Run("dvc exp run -S train_cnn.epochs=2"),
    Run("dvc params diff", said="train_cnn.epochs"),
    Run("dvc metrics diff", said="metrics/train_cnn.json"),
    Run("dvc plots diff"),
    Run("dvc plots diff HEAD workspace"),
    Run("galaxy compare", more=" HEAD workspace"),
    Run("galaxy compare HEAD workspace", said="train_cnn.epochs"),
    Run("dvc exp show"),
    Own("dvc exp list --name-only | sed -n 1p > ../name && git checkout --quiet -b my-experiment && rm -r dvc_plots"),
    COMMIT,
    Own("git checkout --quiet main"),
    Run("dvc checkout dvc.yaml"),
    Run("galaxy compare main my-experiment --model cnn"),
    Run("galaxy compare HEAD HEAD --model cnn resnet"),
    Run("dvc exp apply NAME", {"NAME": "$(cat ../name)"}, said="Checkout failed", fails=True),
    Own("dvc status dvc.yaml | grep 'Data and pipelines are up to date'"),
    Run("dvc metrics diff main", said="metrics/train_cnn.json"),
    *BACK,
    Run("dvc repro --force download"),
    Run("dvc repro --force train_resnet"),
    Run("dvc status dvc.yaml", said="Data and pipelines are up to date"),
    Own("python further_model.py"),
    Run("dvc repro train@vit"),
    Run("dvc repro"),
    Own("test -s data/predictions/vit.csv && git clean --quiet --force -d"),
    *BACK,
    Run("git tag -a cnn@v1.0.0", more=" -m first"),
    Run("dvc artifacts get URL cnn --rev v1.0.0", {"URL": "."}, more=" --out ../cnn"),
    Run("dvc remote add --default storage /mnt/shared/galaxy_zoo", {"/mnt/shared": "$(dirname $PWD)"}),
    Run("dvc push"),
    Run("git commit", more=" --quiet --all --message remote"),
    Run("git clone", more=" --quiet . ../pulled"),
    Run("dvc pull --allow-missing dvc.yaml", folder="../pulled"),
    Own("test -s ../pulled/models/train_cnn/model.safetensors"),
    Run("dvc gc --all-commits --all-experiments", more=" --force"),
    Run("dvc gc --workspace", more=" --force"),
    *BACK,
    Own("rm -r models/further/train_vit"),
    Run("dvc repro", said="Data and pipelines are up to date"),
)

QUEUE: tuple[Step, ...] = (
    Run("dvc exp run --queue -S train_cnn.seed=1,2,3"),
    Run("dvc queue status", said="Queued"),
    Run("dvc queue start"),
    Run("dvc exp run --queue -S train_resnet.seed=1,2,3,4"),
    Run("dvc queue start --jobs 4"),
    Run("for rate in 0.0005 0.001 0.002; do dvc exp run --queue -S train_resnet.learning_rate=$rate; done"),
    Run("CUDA_VISIBLE_DEVICES=0 dvc queue start"),
    WAIT,
)

NETWORKS: tuple[Step, ...] = (
    Run(
        "dvc exp run -S train_resnet.model=convnext_atto -S train_resnet.optimizer=adamw "
        "-S train_resnet.schedule=one_cycle -S train_resnet.augmentation.flip=true "
        "-S train_resnet.augmentation.rotation=180"
    ),
    *BACK,
    Run("dvc exp run -S train_resnet.devices=8 -S train_resnet.batch_size=512", more=" -S train_resnet.batch_size=64"),
    Run("python -m stages.train train_resnet"),
    Run("dvc commit train_resnet", more=" --force"),
    *BACK,
    Run(
        "dvc exp run -S evaluate.views.rotations=4 -S evaluate.views.flip=true "
        "-S make_submission.views.rotations=4 -S make_submission.views.flip=true"
    ),
    *BACK,
    Own("python register.py"),
    Run("dvc exp run -S train_cnn.model=tiny_net"),
)

CROPS: tuple[Step, ...] = (
    Run(
        "dvc exp run -S preprocess.crop=300 -S preprocess.size=91 -S train_cnn.crop=212 -S train_resnet.crop=212 "
        "-S train_resnet.augmentation.rotation=180"
    ),
    *BACK,
    Run(
        "dvc exp run -S preprocess.crop=300 -S preprocess.size=91 -S train_cnn.crop=212 -S train_resnet.crop=212 "
        "-S 'train_resnet.augmentation.crop=[128,288]'"
    ),
)

SOURCES: tuple[Step, ...] = (
    Run("dvc exp run -S download.source=local -S download.local.folder=data/competition"),
    *BACK,
    Run("cp -rL models/train_resnet models/simulated_resnet"),
    Run("dvc exp run -S download.source=local -S train_resnet.weights=models/simulated_resnet"),
    *BACK,
    Run("dvc exp run -S download.source=kaggle"),
    Own("test -s data/kaggle/images_test_rev1.zip"),
)

RECIPES: tuple[Step, ...] = (
    Run("cp recipes/simulated.yaml params.yaml"),
    Own("python smaller.py"),
    Run("dvc repro train_cnn", said="starting from package:efficientnet_lite2"),
    Run("cp -rL models/train_cnn models/simulated"),
    Run("cp recipes/cpu.yaml params.yaml"),
    Own("python smaller.py"),
    Run("dvc repro", said="starting from models/simulated"),
    Own("test -s data/submission/submission.csv"),
    Run("cp recipes/simulated.yaml params.yaml"),
    Own("python smaller.py"),
    Run("dvc repro train_resnet"),
    Run("cp -rL models/train_resnet models/simulated_resnet"),
    Run("cp recipes/scratch.yaml params.yaml"),
    Own("python smaller.py"),
    Run("dvc repro", said="starting from models/simulated_resnet"),
    Run("git checkout params.yaml"),
    Run("dvc repro"),
    Run("cp recipes/leaderboard.yaml params.yaml"),
    Run("python -m galaxy.cli.params"),
)

CIFAR10: tuple[Step, ...] = (
    Run("dvc repro classification/cifar10/dvc.yaml"),
    Run(
        "dvc exp run classification/cifar10/dvc.yaml -S classification/cifar10/params.yaml:data.source=local "
        "-S 'classification/cifar10/params.yaml:compared=[resnet_fast]'"
    ),
    Run("git checkout ."),
    Run("dvc exp run classification/cifar10/dvc.yaml -S classification/cifar10/params.yaml:data.source=local"),
)

FASHION_MNIST: tuple[Step, ...] = (
    Run("dvc repro classification/fashion_mnist/dvc.yaml"),
    Run(
        "dvc exp run classification/fashion_mnist/dvc.yaml "
        "-S classification/fashion_mnist/params.yaml:data.source=local "
        "-S 'classification/fashion_mnist/params.yaml:compared=[resnet34,resnet18,resnet50]'"
    ),
)

GALAXY10: tuple[Step, ...] = (
    Run("dvc repro classification/galaxy10/dvc.yaml"),
    Run(
        "dvc exp run classification/galaxy10/dvc.yaml -S classification/galaxy10/params.yaml:data.source=local "
        "-S classification/galaxy10/params.yaml:data.local=data/competition"
    ),
)

SPORTS: tuple[Step, ...] = (Run("dvc repro classification/sports/dvc.yaml"),)

REAL = {"REAL": "data/competition", "FOLDER": "data/competition", "RECIPE": "params.yaml", "COPY": "params.yaml"}

BENCHMARKS: tuple[Step, ...] = (
    Run("python benchmarks/reference.py REAL", REAL),
    Run("python benchmarks/preprocessing.py IMAGES.zip 7", {"IMAGES.zip": "data/raw/images_training_rev1.zip"}),
    Run("python benchmarks/memory.py", more=" --rounds 1"),
    Run("python benchmarks/training.py --workers 2", more=" --steps 2 --rounds 1"),
    Run("OMP_NUM_THREADS=1 python benchmarks/training.py --rounds 14 --steps 8", more=" --rounds 1 --steps 2"),
    Run("python benchmarks/ablations.py REAL", REAL, more=" --seeds 1 --only flips"),
    Run("python benchmarks/ablations.py FOLDER", REAL, more=" --seeds 1 --only flips"),
    Run("python benchmarks/cross_validation.py RECIPE REAL --only 1", REAL),
    Run("python benchmarks/cross_validation.py COPY REAL --folds 10 --only 0", REAL),
    Run("python benchmarks/transfer.py REAL --seeds 2", REAL, more=" --seeds 0 --galaxies 100"),
    Run("python benchmarks/recipe.py params.yaml data/preprocessed", more=" --steps 2"),
    Run("python benchmarks/scale.py FOLDER", REAL, more=" --training 300 --test 20"),
)

WALKS: dict[str, tuple[Step, ...]] = {
    "experiments": EXPERIMENTS,
    "queue": QUEUE,
    "networks": NETWORKS,
    "look": LOOK,
    "benchmarks": BENCHMARKS,
    "sources": SOURCES,
    "crops": CROPS,
    "recipes": RECIPES,
    "cifar10": CIFAR10,
    "galaxy10": GALAXY10,
    "fashion_mnist": FASHION_MNIST,
    "sports": SPORTS,
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
    "-m stages.train train_resnet": "tests/test_processes.py, with two machines",
    "srun --nodes=4 --ntasks-per-node=8 --gpus-per-node=8 python -m stages.train train_resnet": "nowhere: needs SLURM",
    "kaggle auth login": "nowhere: needs a browser and an account of Kaggle's",
    "pip install pip-audit": "nowhere: needs the network",
    "pip-audit --no-deps --disable-pip -r constraints.txt": "nowhere: needs the network",
}
"""Commands that no walk runs, and where they are run."""

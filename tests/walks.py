"""The order in which tests/test_commands.py runs the commands that the pages show, and what each of them needs.

Those of the root's pipeline are in walks_root.py.
"""

from typing import Any

from walk_steps import COMMIT, CURRENT, Own, Run, Step, smaller
from walks_root import BENCHMARKS, CROPS, EXPERIMENTS, LOOK, NETWORKS, QUEUE, SOURCES

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
    Run(
        "dvc exp run -S train.course_cnn.epochs=18 -S train.course_cnn.schedule=one_cycle",
        folder=IN_COURSE,
        more=" -S train.course_cnn.epochs=2",
    ),
    Run("dvc exp show", folder=IN_COURSE),
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
IN_CIFAR10_PUBLISHED, IN_FASHION_MNIST_PUBLISHED = "tasks/cifar10_published", "tasks/fashion_mnist_published"
IN_GALAXY10, IN_SPORTS = "tasks/galaxy10", "tasks/sports"

OFFICIAL = {"official": "builtin"}
"""A download needs the network."""

CIFAR10: tuple[Step, ...] = (
    Run("dvc repro", folder=IN_CIFAR10, prints="report: data/report/report.html"),
    Run("dvc exp run -S data.source=official", OFFICIAL, folder=IN_CIFAR10),
    Own(f"cd {IN_CIFAR10} && dvc exp run -S data.source=local -S 'compared=[resnet_fast]'"),
    Run("dvc repro", folder=IN_CIFAR10_PUBLISHED, prints="Running stage 'train@resnet_adamw'"),
    Run(
        "sed -i 's/ epochs: 200/ epochs: 10/; s/train: 45000/train: 5000/; s/valid: 5000/valid: 1000/' params.yaml",
        folder=IN_CIFAR10_PUBLISHED,
    ),
)

FASHION_MNIST: tuple[Step, ...] = (
    Run("dvc repro", folder=IN_FASHION_MNIST),
    Run("dvc exp run -S data.source=official", OFFICIAL, folder=IN_FASHION_MNIST),
    Own(f"cd {IN_FASHION_MNIST} && dvc exp run -S data.source=local"),
    Run("dvc repro", folder=IN_FASHION_MNIST_PUBLISHED, prints="Running stage 'train@plain18'"),
    Run(
        "sed -i 's/ epochs: 50/ epochs: 4/; s/^    batch_size: 512/    batch_size: 64/; "
        "s/rate: 0.1$/rate: 0.0125/' params.yaml",
        folder=IN_FASHION_MNIST_PUBLISHED,
    ),
)

GALAXY10: tuple[Step, ...] = (
    Run("dvc repro", folder=IN_GALAXY10, prints="Running stage 'transfer@transfer_random'"),
    COMMIT,
    Run("galaxy compare HEAD HEAD --model fcn cnn", folder=IN_GALAXY10, prints="on the test images that both have"),
    Run("dvc exp run -S data.source=official", OFFICIAL, folder=IN_GALAXY10),
    Run(
        "dvc exp run -S data.source=builtin -S data.simulated=20000",
        {"20000": "300"},
        folder=IN_GALAXY10,
        prints="Running stage 'prepare'",
    ),
    Own(f"cd {IN_GALAXY10} && git checkout ."),
    Own(f"cd {IN_GALAXY10} && dvc exp run -S data.source=local -S data.local=../../data/competition"),
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
    Run("python -m galaxy.own_labels.example data/own --competition data/competition", prints="labelled galaxies"),
    Run(
        "dvc exp run -S data.source=local -S data.local=../../data/own/labels.csv "
        "-S data.images=../../data/competition/images_training_rev1.zip -S 'target.columns=[likeliest]' "
        "-S 'few_labels.counts=[50,200,1000]'",
        {"[50,200,1000]": "[50,100]"},
        folder=IN_OWN_LABELS,
        prints="likeliest (local)",
    ),
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
    "python benchmarks/beside_zoobot.py --zoobot PYTHON --images 500 --rounds 2": "nowhere: needs Zoobot",
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

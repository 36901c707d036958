"""Where the stages keep their outs, from the project's root."""

from pathlib import Path

RAW = Path("data/raw")
PREPROCESSED = Path("data/preprocessed")
SPLIT = Path("data/split.csv")
PREDICTIONS = Path("data/predictions")
SUBMISSION = Path("data/submission/submission.csv")
MODELS = Path("models")
METRICS = Path("metrics")
CHECKPOINTS = Path(".checkpoints")
EVENTS = Path("runs")

EXPLORE_FIGURES = METRICS / "explore"
EVALUATE_FIGURES = METRICS / "evaluate"
REPORT = METRICS / "evaluate.json"
BY_QUESTION = METRICS / "rmse_by_question.csv"
BY_COLUMN = METRICS / "rmse_by_column.csv"
CALIBRATION = METRICS / "calibration.json"
CALIBRATION_TABLE = METRICS / "calibration.csv"
PAGE = Path("data/report/report.html")

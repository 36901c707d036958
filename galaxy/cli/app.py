"""Show in the browser what is predicted of an image that you drop there.

The page has the fractions of each question, the decision tree and, with --embeddings, galaxies like it. It is served to
this machine alone, until Ctrl-C. Nothing leaves the machine.
"""

import argparse
from pathlib import Path

from galaxy.cli import predict

EXAMPLES = """examples:
  galaxy app
  galaxy app --model models/resnet --views 8 --port 8000
  galaxy app --embeddings embeddings.parquet --no-browser"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    predict.add_reading(parser)
    parser.add_argument(
        "--embeddings", type=Path, metavar="FILE", help="what galaxy embed wrote; then similar galaxies are shown"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="address to serve the page at (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--port", type=int, default=7860, metavar="N", help="port to serve it at; 0: any that is free (default: 7860)"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the page in the browser")


def run(arguments: argparse.Namespace) -> None:
    """Load the models, and serve the page until Ctrl-C."""
    from galaxy.app import server
    from galaxy.inference import image_workers, predictor

    server.check_installed()
    options = predict.reading(arguments)
    models = predictor.find_models(*arguments.model)
    with server.listen(arguments.host, arguments.port) as listening:
        image_workers.start()
        from galaxy.app import look
        from galaxy.app.similar import SimilarImages

        similar = None if arguments.embeddings is None else SimilarImages(arguments.embeddings)
        looker = look.looker(predictor.load(*models), options, similar)
        server.serve(listening, looker, browser=not arguments.no_browser)

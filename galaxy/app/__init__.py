"""A page in the browser for one image at a time: `galaxy app`.

* `look`    reads and predicts the image that somebody drops;
* `similar` finds images like it in a file of embeddings;
* `page`    words what was found as HTML;
* `guard`   keeps other sites' pages away from the server, and the page away from other servers;
* `server`  builds the page with Gradio and serves it.
"""

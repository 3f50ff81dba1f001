"""What the APIs have in common: where variables come from, and how they are served."""

import os

from dotenv import load_dotenv
from werkzeug.serving import make_server

# Variables of the environment win over those of .env in the working folder.
load_dotenv(".env")


def serve(app):
    """Serve on PORT, or on a free port, and say where."""
    server = make_server("127.0.0.1", int(os.environ.get("PORT", "0")), app, threaded=True)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()

"""An OpenAI-compatible endpoint on loopback whose vectors come from the model in growth_corpus.py.

    python -m bench.growth_provider --dimensions 3072

A process of its own, so that its CPU time is told apart from the product's. Prints its base URL and serves until ended.
"""

import argparse
import base64
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.growth_corpus import VectorModel


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    model: VectorModel

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = request["input"]
        tokens = sum(len(text) // 4 + 1 for text in texts)
        rows = ",".join(
            f'{{"object":"embedding","index":{index},"embedding":"{base64.b64encode(row.tobytes()).decode()}"}}'
            for index, row in enumerate(self.model.vectors(texts))
        )
        body = (
            f'{{"object":"list","data":[{rows}],"model":"{request["model"]}",'
            f'"usage":{{"prompt_tokens":{tokens},"total_tokens":{tokens}}}}}'
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dimensions", type=int, default=3072)
    Handler.model = VectorModel(parser.parse_args().dimensions)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()

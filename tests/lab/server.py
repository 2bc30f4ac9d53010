"""What stands for a pod and for kube-proxy's health port: answers with its name and the client's address.

usage: server.py NAME ADDRESS/PORT[/FLAG]...   503 while the file FLAG exists
"""

import http.server
import os
import socket
import sys
import threading

name = sys.argv[1]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        flag = self.server.flag
        ready = not (flag and os.path.exists(flag))
        client = self.client_address[0].removeprefix("::ffff:")
        body = f"{name} {client}\n".encode()
        self.send_response(200 if ready else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, address, port, flag):
        self.flag = flag
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), Handler)

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Not `HTTPServer`'s: it asks for the name of the address.
        socket.socket.bind(self.socket, self.server_address)
        self.server_name, self.server_port = self.server_address[:2]


servers = []
for spec in sys.argv[2:]:
    address, port, *flag = spec.split("/", 2)
    servers.append(Server(address, int(port), flag[0] if flag else None))
for server in servers:
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
threading.Event().wait()

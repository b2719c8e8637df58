"""Tells how many kernels of this Jupyter Server compute: an extension of it, mounted into workspaces.

Asking its API would count as use and keep every workspace for ever, and its own metrics count kernels that are there,
busy or not (https://github.com/jupyter-server/jupyter_server/blob/main/jupyter_server/prometheus/metrics.py). This
answers from inside, and its answer is no use. Whoever reads it needs no session: it says a number.
"""

from tornado.web import RequestHandler

PATH = "bedplate/metrics"
SERIES = "bedplate_workspace_busy_kernels"


class BusyKernels(RequestHandler):
    def get(self):
        manager = self.settings["kernel_manager"]
        kernels = [manager.get_kernel(kernel_id) for kernel_id in manager.list_kernel_ids()]
        busy = sum(getattr(kernel, "execution_state", None) == "busy" for kernel in kernels)
        self.set_header("Content-Type", "text/plain; version=0.0.4")
        self.finish(f"# HELP {SERIES} Kernels that compute.\n# TYPE {SERIES} gauge\n{SERIES} {busy}\n")


def _jupyter_server_extension_points():
    return [{"module": "bedplate_busy_kernels"}]


def _load_jupyter_server_extension(server_app):
    base = server_app.web_app.settings["base_url"]
    server_app.web_app.add_handlers(".*$", [(f"{base}{PATH}", BusyKernels)])

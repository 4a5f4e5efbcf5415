"""Where the documentation of a symbol stands on the web.

Only addresses that follow from a known rule are given; for a package without one the project's
own documentation address from its metadata serves.
"""

from __future__ import annotations

from collections.abc import Sequence

# Modules of torch whose members share one page; everything else has a page of its own under
# generated/. Longest prefix wins. Read off the structure of docs.pytorch.org.
_TORCH_PAGES = {
    "torch.ao": "quantization.html",
    "torch.amp": "amp.html",
    "torch.backends": "backends.html",
    "torch.distributed": "distributed.html",
    "torch.distributed.algorithms": "ddp_comm_hooks.html",
    "torch.distributed.checkpoint": "distributed.checkpoint.html",
    "torch.distributed.elastic": "distributed.elastic.html",
    "torch.distributed.fsdp": "fsdp.html",
    "torch.distributed.optim": "distributed.optim.html",
    "torch.distributed.pipelining": "distributed.pipelining.html",
    "torch.distributed.rpc": "rpc.html",
    "torch.distributed.tensor": "distributed.tensor.html",
    "torch.distributions": "distributions.html",
    "torch.export": "export.html",
    "torch.futures": "futures.html",
    "torch.fx": "fx.html",
    "torch.hub": "hub.html",
    "torch.library": "library.html",
    "torch.masked": "masked.html",
    "torch.monitor": "monitor.html",
    "torch.multiprocessing": "multiprocessing.html",
    "torch.nn.init": "nn.init.html",
    "torch.onnx": "onnx.html",
    "torch.overrides": "torch.overrides.html",
    "torch.package": "package.html",
    "torch.profiler": "profiler.html",
    "torch.random": "random.html",
    "torch.special": "special.html",
    "torch.utils.benchmark": "benchmark_utils.html",
    "torch.utils.checkpoint": "checkpoint.html",
    "torch.utils.cpp_extension": "cpp_extension.html",
    "torch.utils.data": "data.html",
    "torch.utils.dlpack": "dlpack.html",
    "torch.utils.tensorboard": "tensorboard.html",
}


def documented_name(names: Sequence[str]) -> str:
    """The one of an object's names under which its page stands, the first where no rule is known.

    torch.conv2d is torch.nn.functional.conv2d, and only that has a page.
    """
    first = names[0]
    longer = f"torch.nn.functional.{first.removeprefix('torch.')}"
    return longer if longer in names else first


def symbol_url(name: str, kind: str, version: str, home: str | None) -> str | None:
    """The address of `name` ("torch.nn.Linear"), a "class", "function", "member" or "module".

    `version` is the package's ("2.13.0"); `home` is what to give for packages without a rule.
    """
    if name.partition(".")[0] != "torch":
        return home
    base = "https://docs.pytorch.org/docs/" + ".".join(version.split(".")[:2])
    if name == "torch":
        return f"{base}/torch.html"
    page = _shared_page(name)
    if page is None and kind == "module":
        page = f"{name.removeprefix('torch.')}.html"
    if page is None:
        own = (
            name
            if kind != "member" or name.startswith("torch.Tensor.")
            else name.rpartition(".")[0]
        )
        page = f"generated/{own}.html"
    return f"{base}/{page}#{'module-' if kind == 'module' else ''}{name}"


def _shared_page(name: str) -> str | None:
    prefix = name
    while prefix:
        if prefix in _TORCH_PAGES:
            return _TORCH_PAGES[prefix]
        prefix = prefix.rpartition(".")[0]
    return None

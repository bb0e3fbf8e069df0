"""Loads the model and processor that a run names, and shrinks images to what the model will really see."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peft import PeftModel
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from store.config import RunConfig
from trainer.errors import ModelError
from trainer.tiny import tiny_model_dir

logger = logging.getLogger(__name__)


class FittedImage(NamedTuple):
    """An image as the model sees it."""

    image: Image.Image
    """RGB, at the size that enters the vision encoder."""
    tokens: int | None
    """Visual tokens it becomes; None where the processor does not say."""


ImageFitter = Callable[[Image.Image], FittedImage]


def model_location(config: RunConfig) -> str:
    """Directory or Hub name of the configured model. Raises ModelError for a path where there is no directory."""
    if config.model == "tiny":
        return str(tiny_model_dir())
    # os.path: Path raises for a user that is not there
    path = Path(os.path.expanduser(config.model))
    if config.model.startswith(("/", ".", "~")) and not path.is_dir():
        raise ModelError(
            f"no directory {config.model}",
            expected="a directory or Hub name of an image-text-to-text model",
            fix="check --model",
        )
    return config.model


def load_processor(config: RunConfig) -> Any:
    """The model's processor, padding on the left and with the run's image limits.

    Raises ModelError where the directory has only a tokenizer, or torchvision is missing.
    """
    location = _processor_location(model_location(config))
    try:
        processor = AutoProcessor.from_pretrained(
            location,
            padding_side="left",
            truncation_side="left",
            trust_remote_code=config.trust_remote_code,
        )
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"the processor of {location} cannot be built ({error})",
            expected="torchvision that fits the installed torch",
            fix="pip install 'rftui[train]' in the training environment",
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(
            f"no processor at {location} ({error})",
            expected="a directory or Hub name of an image-text-to-text model",
            fix="check --model, or download the model first where the machine is offline",
        ) from error
    image_processor = getattr(processor, "image_processor", None)
    if image_processor is None:
        raise ModelError(
            f"{location} has a {type(processor).__name__} and no image processor",
            expected="an image-text-to-text model",
            fix="name a vision-language model with --model",
        )
    if _has_pixel_limits(image_processor):
        image_processor.size = {"shortest_edge": config.image_min_pixels, "longest_edge": config.image_max_pixels}
    return processor


def _processor_location(location: str) -> str:
    """Where the processor is: an adapter that others saved has often none, and then its base's is meant."""
    base = adapter_base(location)
    has_its_own = any((Path(location) / name).is_file() for name in PROCESSOR_SETTINGS)
    return location if base is None or has_its_own else base


PROCESSOR_SETTINGS = ("processor_config.json", "preprocessor_config.json")
"""What transformers writes for a processor with images, by its age."""
ADAPTER_SETTINGS, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
"""What peft writes for a LoRA adapter, in place of config.json and model.safetensors."""


def adapter_base(location: str) -> str | None:
    """The model that the adapter at `location` was trained on; None where there is no adapter. Raises ModelError."""
    path = Path(location) / ADAPTER_SETTINGS
    if not path.is_file():
        return None
    try:
        base = json.loads(path.read_text(encoding="utf-8")).get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{path} cannot be read ({error})", expected="what peft writes beside an adapter") from error
    if not base or not (path.parent / ADAPTER_WEIGHTS).is_file():
        raise ModelError(
            f"{path.parent} is an adapter without {'a base model' if not base else ADAPTER_WEIGHTS}",
            expected=f"base_model_name_or_path in {ADAPTER_SETTINGS}, and {ADAPTER_WEIGHTS}",
            fix="save the adapter again with peft, as safetensors",
        )
    return _base_there(str(base), path)


def _base_there(base: str, settings: Path) -> str:
    """The base model as it is found on this machine. Raises ModelError where it is a path to nothing."""
    path = Path(os.path.expanduser(base))
    if path.is_dir():
        return str(path)
    if not base.startswith(("/", ".", "~")):
        return base
    if path.parts[-3:] == EMBEDDED:
        # the embedded model lies elsewhere in every environment and is the same in each of one version
        return str(tiny_model_dir())
    raise ModelError(
        f"the base of the adapter at {settings.parent} is {base}, and there is no such directory",
        expected="the model that the adapter was trained on",
        fix=f"put it there, or correct base_model_name_or_path in {settings.name}",
    )


EMBEDDED = ("trainer", "tiny", "weights")
"""The end of the embedded model's path."""


def load_model(config: RunConfig) -> Any:
    """The model in the configured dtype and attention, on the CPU; the trainer places it.

    An adapter's directory gives its base model with the adapter merged into the weights. Raises ModelError.
    """
    location = model_location(config)
    base = adapter_base(location)
    try:
        model = AutoModelForImageTextToText.from_pretrained(
            base or location,
            dtype=getattr(torch, config.dtype),
            attn_implementation=config.attention,
            trust_remote_code=config.trust_remote_code,
            use_safetensors=True,
        )
        if base is not None:
            model = PeftModel.from_pretrained(model, location).merge_and_unload()
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise ModelError(
            f"the model at {location} cannot be loaded ({error})",
            expected=f"safetensors weights of an image-text-to-text model, attention={config.attention}",
            fix="check --model and the installed attention kernels",
        ) from error
    return model


def _has_pixel_limits(image_processor: Any) -> bool:
    """Whether the processor bounds the image area, as the Qwen-VL family does."""
    size = getattr(image_processor, "size", None)
    return hasattr(image_processor, "merge_size") and size is not None and "longest_edge" in dict(size)


def image_fitter(processor: Any, config: RunConfig) -> ImageFitter:
    """A function that brings an image to the exact size the model sees.

    For processors that cut images into a grid of patches (the Qwen-VL family) that is their own smart resize, so the
    processor's later resize changes nothing; otherwise the area is capped and the processor does the rest.
    """
    image_processor = processor.image_processor
    if _has_pixel_limits(image_processor):
        # the same function the processor calls; its module is imported only for models that use it
        from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

        factor = image_processor.patch_size * image_processor.merge_size

        def fit_to_grid(image: Image.Image) -> FittedImage:
            height, width = smart_resize(
                image.height,
                image.width,
                factor=factor,
                min_pixels=config.image_min_pixels,
                max_pixels=config.image_max_pixels,
            )
            return FittedImage(_resized(image, width=width, height=height), (height // factor) * (width // factor))

        return fit_to_grid

    def cap_area(image: Image.Image) -> FittedImage:
        area = image.width * image.height
        scale = min(1.0, (config.image_max_pixels / area) ** 0.5)
        width, height = max(1, int(image.width * scale)), max(1, int(image.height * scale))
        return FittedImage(_resized(image, width=width, height=height), None)

    return cap_area


def _resized(image: Image.Image, *, width: int, height: int) -> Image.Image:
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    if rgb.size == (width, height):
        return rgb
    return rgb.resize((width, height), Image.Resampling.BICUBIC)


class ModelFacts(NamedTuple):
    """What a run's journal says of its model."""

    name: str
    parameters: int
    trainable: int
    device: str
    dtype: str


def model_facts(model: Any, config: RunConfig) -> ModelFacts:
    """Name, size, device and dtype of a loaded model."""
    # under ZeRO-3 a parameter holds its real size in ds_numel and numel() is 0
    sizes = [(getattr(p, "ds_numel", p.numel()), p.requires_grad) for p in model.parameters()]
    first = next(model.parameters())
    return ModelFacts(
        name=config.model,
        parameters=sum(size for size, _ in sizes),
        trainable=sum(size for size, requires_grad in sizes if requires_grad),
        device=str(first.device),
        dtype=str(first.dtype).removeprefix("torch."),
    )

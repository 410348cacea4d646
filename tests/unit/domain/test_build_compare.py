"""Two builds of one commit: what is said when they differ."""

from __future__ import annotations

import pytest

from plimsoll.domain.build import Built, Layer
from plimsoll.domain.build_compare import NAMED_FILES, Reproduction, difference, unequal_layers
from plimsoll.domain.images import Digest, Image
from plimsoll.errors import Failed

ONE, OTHER, SAME = (Digest("sha256:" + letter * 64) for letter in "abc")


def image(*layers: Digest) -> Built:
    described = Image(service="backend", repository="r/backend", tag="0" * 16, digest=layers[-1], unpacked_bytes=1, labels={})
    return Built(
        image=described,
        layers=tuple(Layer(digest=each, unpacked=1, created_by="RUN /bin/sh -c date > /built") for each in layers),
    )


def test_only_layers_that_differ_are_looked_at() -> None:
    assert unequal_layers(image(SAME, ONE), image(SAME, OTHER)) == (1,)
    assert unequal_layers(image(SAME), image(SAME, OTHER)) == (1,)
    assert unequal_layers(image(SAME), image(SAME)) == ()


def test_a_difference_names_instruction_and_files() -> None:
    entries = ({"built": ("1",), "same": ("1",), "left": ("1",)}, {"built": ("2",), "same": ("1",), "right": ("1",)})
    found = difference(image(SAME, ONE), 1, entries)
    assert found.instruction == "RUN date > /built"
    assert found.files == ("differs: /built", "only in the first: /left", "only in the second: /right")


def test_equal_files_in_another_order_are_a_difference_too() -> None:
    assert difference(image(ONE), 0, ({"a": ("1",)}, {"a": ("1",)})).files == ("the same files in another order",)


def test_equal_digests_pass() -> None:
    result = Reproduction(digests={"backend": (ONE, ONE)}, differences=(), seconds=1)
    result.require_equal()
    assert result.to_json()["images"] == {"backend": {"digests": [ONE, ONE], "equal": True}}


def test_unequal_digests_fail_naming_image_layer_and_file() -> None:
    entries = ({f"file{number}": ("1",) for number in range(9)}, {})
    result = Reproduction(
        digests={"backend": (ONE, OTHER), "redis": (SAME, SAME)}, differences=(difference(image(ONE), 0, entries),), seconds=1
    )
    with pytest.raises(Failed) as raised:
        result.require_equal()
    lines = raised.value.what.splitlines()
    assert lines[1] == f"backend: {ONE} and {OTHER}"
    assert lines[2] == "backend: in the layer of `RUN date > /built`"
    assert lines[3] == "  only in the first: /file0"
    assert lines[-1] == f"  and {9 - NAMED_FILES} more"
    assert raised.value.report is result
    assert result.to_json()["images"]["redis"]["equal"] is True


def test_images_whose_layers_are_equal_differ_in_their_configuration() -> None:
    with pytest.raises(Failed, match="backend: its configuration"):
        Reproduction(digests={"backend": (ONE, OTHER)}, differences=(), seconds=1).require_equal()

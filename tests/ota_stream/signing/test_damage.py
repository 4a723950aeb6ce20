"""What can be wrong with a signature, on request."""

import base64

import pytest

from ota_stream.errors import ControlError
from ota_stream.signing.damage import DAMAGES, Damage, damage, spoil
from ota_stream.signing.platforms import Algorithm
from ota_stream.signing.signatures import Signature, sign, text, unwrap, verify

IMAGE = b"firmware"


@pytest.fixture(params=Algorithm)
def signed(request, pairs):
    return Signature(request.param, text(sign(IMAGE, pairs[request.param.kind].key, request.param)))


def test_every_damage_has_its_row():
    assert set(DAMAGES) == set(Damage)


@pytest.mark.parametrize("how", Damage)
def test_a_damage_is_found_by_its_name(how):
    assert damage(how.value) is how


def test_an_unknown_damage_is_refused_with_the_known_ones():
    with pytest.raises(ControlError, match="unsigned, wrong-key, corrupted, wrong-algorithm"):
        damage("rust")


def test_without_damage_a_signature_stays(signed):
    assert spoil(signed, None) is signed
    assert spoil(signed, Damage.WRONG_KEY) is signed  # done when it is made


def test_an_unsigned_file_has_no_signature(signed):
    """OD-11, UnsignedImage."""
    assert spoil(signed, Damage.UNSIGNED) is None


def test_a_corrupted_signature_can_be_read_but_is_wrong(signed, pairs):
    """CorruptSignature."""
    spoilt = spoil(signed, Damage.CORRUPTED)
    content = base64.b64decode(spoilt.text)
    assert spoilt.algorithm is signed.algorithm
    assert unwrap(content) == (content, 0)
    assert not verify(IMAGE, content, pairs[signed.algorithm.kind].certificate, signed.algorithm)


def test_a_wrong_algorithm_is_another_key_of_the_document(signed):
    """IncorrectSigningAlgorithm."""
    spoilt = spoil(signed, Damage.WRONG_ALGORITHM)
    assert spoilt.text == signed.text
    assert spoilt.algorithm is not signed.algorithm

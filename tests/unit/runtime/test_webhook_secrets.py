"""What is no secret signs nothing, and stops a process at its start."""

import pytest

from runtime.environment import BadSetting, read_settings
from runtime.webhook_secrets import key_of


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_###", "c" * 44, "whsec_" + "A" * 100]
)
def test_what_is_no_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        key_of(secret)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_c2hvcnQ=", "c" * 44, "whsec_" + "A" * 33])
def test_a_setting_that_cannot_sign_is_refused(secret: str) -> None:
    with pytest.raises(BadSetting, match="QUERN_WEBHOOK_SECRET must be `whsec_` and the base64"):
        read_settings({"QUERN_WEBHOOK_SECRET": secret})


@pytest.mark.parametrize("secret", ["", "whsec_" + "A" * 32])
def test_a_setting_may_be_empty_or_sign(secret: str) -> None:
    assert read_settings({"QUERN_WEBHOOK_SECRET": secret}).webhook_secret == secret

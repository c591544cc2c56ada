import pytest

from runtime.environment import BadSetting, read_settings
from runtime.settings import Settings


@pytest.mark.parametrize(
    ("told", "model", "languages"),
    [
        ("", "all-MiniLM-L6-v2", {"en"}),
        ("", "/models/all-MiniLM-L6-v2/", {"en"}),
        ("", "sentence-transformers/all-mpnet-base-v2", {"en"}),
        ("", "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", None),
        ("all", "all-MiniLM-L6-v2", None),
        ("en, DE", "some/model", {"en", "de"}),
    ],
)
def test_an_embedder_knows_the_languages_it_is_said_to_know(
    told: str, model: str, languages: set[str] | None
) -> None:
    settings = Settings(embedding_languages=told, embedding_model=model)

    assert settings.embedder_languages == languages


def test_what_is_no_code_of_a_language_is_refused() -> None:
    with pytest.raises(BadSetting, match="EMBEDDING_LANGUAGES names 'english'"):
        read_settings({"QUERN_EMBEDDING_LANGUAGES": "de,english"})

"""Which of gensim's tests embedtool does not run, and which have another outcome, and why."""

PICKLE = "loads a pickle; pickles are never opened"
INTERNAL = "an internal function or attribute of gensim"

NOT_OURS: dict[str, str] = {
    "Gensim320Test": PICKLE,
    "TestWord2VecModel::test_persistence_backwards_compatible": PICKLE,
    "TestWord2VecModel::test_load_old_model": PICKLE,
    "TestWord2VecModel::test_load_old_model_separates": PICKLE,
    "TestWord2VecModel::test_load_old_models_1_x": PICKLE,
    "TestWord2VecModel::test_load_old_models_2_x": PICKLE,
    "TestWord2VecModel::test_load_old_models_3_x": PICKLE,
    "HashCompatibilityTest": PICKLE,
    "TestWord2VecModel::test_method_in_bulk": "a tool of gensim's developers, skipped by default",
    "TestWord2VecScripts": "a script of gensim",
    "TestWord2VecSentenceIterators::test_cython_line_sentence_works_with_filename": INTERNAL,
    "UnicodeVocabTest": INTERNAL,
    "TestFromfile": INTERNAL,
    "UnpackTest": INTERNAL,
    "SaveFacebookByteIdentityTest": "needs Facebook's program",
    "SaveFacebookFormatReadingTest": "needs Facebook's program",
}
"""Classes and tests that are not run, with the reason."""

DIFFERENT: dict[str, str] = {}
"""Tests that are run and fail, with the reason."""

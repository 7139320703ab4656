"""Which of gensim's tests embedtool does not run, and which have another outcome, and why."""

PICKLE = "loads a pickle; pickles are never opened"
INTERNAL = "internal to gensim"

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

LAST_BIT = "the reader sums in float64: equal up to the last bit of float32"
WORDING = "the warning is there, in embedtool's words"

DIFFERENT: dict[str, str] = {
    "TestWord2VecModel::test_build_vocab_warning": "a str in place of a sentence is an error",
    "TestWord2VecModel::test_load_on_class_error": (
        "model.load(path) returns the model of the path, as any classmethod"
    ),
    "TestWord2VecModel::test_persistence_word2vec_format_combination_with_standard_persistence": (
        "save replaces a model, but no other file"
    ),
    "TestWord2VecModel::test_prune_vocab": (
        "no word is dropped while counting; a warning says that max_vocab_size is exceeded"
    ),
    "TestWord2VecModel::test_train_hs_and_neg": WORDING,
    "TestWord2VecModel::test_train_warning": WORDING,
    "TestWord2VecModel::test_vocab": f"asks for the Huffman code of a word, {INTERNAL}",
    "TestKeyedVectors::test_load_model_and_vocab_file_strict": (
        "invalid UTF-8 is a DamagedFileError with the line; a ValueError, no UnicodeDecodeError"
    ),
    "LoadWord2VecFormatTest::test_load_word2vec_format_space_stripping": (
        "a row ends in one line end at most, so that a word after two is damage"
    ),
    "TestFastTextModel::test_estimate_memory": "the bytes that gensim's objects take",
    "TestFastTextModel::test_get_vocab_word_vecs": f"adjust_vectors is {INTERNAL}",
    "TestFastTextModel::test_load_model_supervised": "is a FormatError, no NotImplementedError",
    "NativeTrainingContinuationTest::test_sanity": f"compares cum_table, {INTERNAL}",
    "SaveFacebookFormatModelTest::test_cbow": LAST_BIT,
    "SaveFacebookFormatModelTest::test_skipgram": LAST_BIT,
}
"""Tests that are run and fail, with the reason."""

"""The cases the project is attacked by, and the tests that show how each ends.

A case has a number, an area, how severe it is where it goes wrong (S1: wrong numbers or a loss without a word; S2:
everybody or the machine is affected; S3: one person is; S4: polish), and the tests that show it. Most are beside what
they test; those that need real processes are here. A case without a test says why it does not apply.
"""

from dataclasses import dataclass
from typing import Literal

Area = Literal["files", "access", "workers", "store", "numbers", "load"]
Severity = Literal["S1", "S2", "S3", "S4"]

_JOBS = "tests/jobs/"
_CHANGED = "tests/jobs/test_changed_study.py::"
_WEIGHTS = "tests/studies/test_weights.py::"
_TOML = "tests/studies/test_toml.py::"
_GUARD = "tests/access/test_guard.py::"
_WORKER = _JOBS + "test_worker.py::"
_QUEUE = _JOBS + "queue/test_advancing.py::"
_CHECKPOINTS = "tests/runs/keeping/test_checkpoints.py::"
_KILLS = "tests/reliability/test_kills.py::"
_MANY = "tests/reliability/test_contention.py::"
_DISKS = "tests/reliability/test_disks.py::"
_APP = "tests/reliability/test_app.py::"
_KINDS = "tests/curvature/test_kinds_of_studies.py::"
_NAN = "tests/reliability/test_networks.py::"


@dataclass(frozen=True)
class Case:
    """One attack; ``reason`` says why it has no test, where it has none."""

    number: int
    title: str
    area: Area
    severity: Severity
    tests: tuple[str, ...] = ()
    reason: str = ""


CASES = (
    Case(1, "A weights or data file that runs code when it is unpickled", "files", "S1",
         (_WEIGHTS + "test_a_malicious_pt_file_is_refused_and_not_executed",
          "tests/architecture/test_tree.py::test_the_package_never_unpickles")),
    Case(2, "A whole pickled network in place of its weights", "files", "S3",
         (_WEIGHTS + "test_a_whole_pickled_network_is_refused",)),
    Case(3, "A few bytes that ask for gigabytes when they are unpickled", "files", "S2",
         (_WEIGHTS + "test_a_pt_file_without_tensors_is_refused",)),
    Case(4, "A tensor that claims more than its file holds", "files", "S2",
         (_WEIGHTS + "test_a_tensor_that_claims_more_than_it_stores_is_refused",)),
    Case(5, "An archive that grows when it is unpacked", "files", "S2",
         (_WEIGHTS + "test_a_compressed_archive_is_refused",
          "tests/studies/data/test_archive.py::test_a_bomb_is_refused_for_what_it_claims",
          "tests/studies/data/test_archive.py::test_what_no_study_has_is_never_inflated")),
    Case(6, "Files cut short, empty, or of another kind", "files", "S3",
         (_WEIGHTS + "test_damaged_archives_are_refused", _WEIGHTS + "test_truncated_safetensors",
          _TOML + "test_a_damaged_data_file", "tests/reading/test_recognising.py::test_what_a_file_is")),
    Case(7, "One bit of the weights flipped", "files", "S1",
         (_WEIGHTS + "test_a_flipped_bit_is_refused_with_the_name_of_its_entry",)),
    Case(8, "Weights that are NaN or infinite", "files", "S1", (_WEIGHTS + "test_weights_that_do_not_fit_say_where",)),
    Case(9, "Weights of integers or complex numbers", "files", "S3",
         (_WEIGHTS + "test_weights_that_do_not_fit_say_where",)),
    Case(10, "Weights with missing, thousands of extra, or misshapen entries", "files", "S3",
         (_WEIGHTS + "test_weights_that_do_not_fit_say_where",)),
    Case(11, "Mutated safetensors headers", "files", "S2",
         (_WEIGHTS + "test_damaged_safetensors", "tests/fuzz/test_inputs.py::test_no_input_breaks_what_reads_it")),
    Case(12, "A header that lists a million tensors", "files", "S2",
         (_WEIGHTS + "test_a_header_of_very_many_tensors_is_not_parsed",)),
    Case(13, "Names of markup, control characters, ten thousand letters, or a way out of the folder", "files", "S3",
         (_TOML + "test_a_path_that_cannot_be_read_is_named",
          "tests/reading/test_regular.py::test_a_name_that_no_file_has")),
    Case(14, "An upload larger than any file the pages take", "access", "S3",
         ("tests/architecture/test_settings.py::test_the_app_keeps_to_this_machine",)),
    Case(15, "ONNX files that name data elsewhere", "files", "S1",
         reason="the project writes ONNX files and reads none"),
    Case(16, "Code of a study that the operator did not start the app with", "access", "S1",
         ("tests/ui/shell/test_pages.py::test_a_wrong_link_is_a_sentence_and_the_page_goes_on",
          "tests/ui/shell/test_keeping.py::test_studies_of_ones_own_are_named_by_options_and_by_the_environment")),
    Case(17, "A factory that raises, exits, crashes or never returns", "workers", "S3",
         (_TOML + "test_the_factory_file_itself_may_be_broken",
          _JOBS + "launching/test_guard.py::test_code_that_ends_the_process_is_told_from_a_worker_that_leaves",
          _JOBS + "launching/test_guard.py::test_a_factory_or_kind_that_exits_fails_with_a_sentence",
          _JOBS + "bounds/test_attempt.py::test_what_does_not_listen_is_ended_after_a_grace")),
    Case(18, "TOML and JSON of endless depth, digits or keys", "files", "S2",
         ("tests/reading/test_documents.py::test_toml_beyond_the_limits",
          "tests/reading/test_documents.py::test_json_beyond_the_limits",
          "tests/fuzz/test_inputs.py::test_any_text_is_a_document_or_a_sentence")),
    Case(19, "Markup and pictures from elsewhere in names of plans and runs", "access", "S3",
         ("tests/ui/shell/test_plain.py::test_markdown_shows_any_text_itself",
          "tests/ui/shell/test_plain.py::test_no_page_reads_markdown_in_a_name")),
    Case(20, "Requests by another name or from another page", "access", "S2",
         (_GUARD + "test_another_name_is_refused_at_every_address",
          _GUARD + "test_a_page_of_another_address_opens_no_connection_and_changes_nothing")),
    Case(21, "An address that others reach, without a login", "access", "S2",
         (_GUARD + "test_an_open_address_without_a_login_shows_a_refusal_and_nothing_else",
          "tests/cli/test_serving.py::test_others_are_answered_only_with_a_login_or_an_acceptance")),
    Case(22, "SIGKILL of a worker at a random moment, of every kind of run", "workers", "S1",
         (_KILLS + "test_a_killed_worker_costs_time_and_nothing_else",
          _KILLS + "test_a_killed_command_goes_on_where_it_was")),
    Case(23, "SIGKILL of whoever launched the worker", "workers", "S2",
         (_WORKER + "test_a_worker_outlives_the_app_that_started_it",)),
    Case(24, "SIGKILL of the app with a run at work", "workers", "S2",
         (_APP + "test_a_run_outlives_the_killed_server_and_a_double_click_is_one_run",)),
    Case(25, "Several launchers of one run", "workers", "S1",
         ("tests/runs/test_store.py::test_of_many_processes_exactly_one_gets_the_run",
          _QUEUE + "test_two_processes_cannot_both_fill_the_last_place")),
    Case(26, "A worker that stands still past its lease and comes back", "workers", "S1",
         (_MANY + "test_a_worker_that_stood_still_past_its_lease_comes_back_and_writes_nothing",)),
    Case(27, "SIGKILL while a checkpoint is written", "workers", "S1",
         (_KILLS + "test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before",)),
    Case(28, "A damaged checkpoint", "store", "S2",
         (_CHECKPOINTS + "test_a_damaged_checkpoint_is_set_aside_and_the_run_goes_on_from_the_one_before",
          _CHECKPOINTS + "test_without_a_whole_checkpoint_the_run_starts_over")),
    Case(29, "A disk that is full", "store", "S2",
         (_DISKS + "test_a_full_disk_is_a_sentence_and_with_room_the_command_goes_on",)),
    Case(30, "Several processes that write to one database at once", "store", "S1",
         (_MANY + "test_four_processes_that_write_at_once_lose_nothing",
          "tests/runs/test_database.py::test_two_processes_may_open_a_new_store_at_once")),
    Case(31, "A database that stays locked", "store", "S2",
         (_MANY + "test_a_lock_held_longer_than_a_write_waits_costs_time_and_not_the_run",)),
    Case(32, "A migration that is killed; a database of a newer version", "store", "S2",
         (_DISKS + "test_a_migration_that_is_killed_is_done_by_whoever_opens_next",
          "tests/runs/test_database.py::test_a_database_of_a_newer_version_is_left_alone")),
    Case(33, "A kept file that is edited or deleted", "store", "S1",
         ("tests/runs/test_damaged_artifacts.py::test_what_is_missing_is_noticed_when_the_run_is_asked_for",
          "tests/runs/test_damaged_artifacts.py::test_who_reads_a_damaged_file_sees_to_it_that_asking_again_mends_it")),
    Case(34, "Cancelling what waits, works or has ended, and twice", "workers", "S2",
         (_WORKER + "test_cancelling_before_the_worker_claims_leaves_nothing_running",
          _WORKER + "test_a_run_that_was_cancelled_leaves_by_itself",
          "tests/runs/test_store.py::test_a_finished_run_stays_as_it_is")),
    Case(35, "A run resumed after its weights, its data or its network's code changed", "numbers", "S1",
         (_JOBS + "kinds/test_jobs.py::test_a_study_that_changed_since_it_was_asked_for_is_not_used",
          _CHANGED + "test_a_training_that_was_stopped_before_the_edit_is_not_resumed_on_the_other_network",
          "tests/studies/identity/test_fingerprint.py::test_another_activation_in_the_factory_is_another_study")),
    Case(36, "One and several workers of joblib, Ray or Dask for one run", "numbers", "S1",
         reason="a run is one process; the number of its threads is recorded with it"),
    Case(37, "A network that says NaN for some samples", "numbers", "S1",
         (_NAN + "test_a_network_that_says_nan_for_some_samples_is_refused",)),
    Case(38, "A layer without a second derivative", "numbers", "S1",
         (_KINDS + "test_an_operation_without_second_derivative_is_told_with_its_block",)),
    Case(39, "Frozen weights, hardly any images", "numbers", "S3",
         ("tests/curvature/estimators/test_exact.py::test_frozen_parameters_have_a_trace_like_others",)),
    Case(40, "Two hundred runs asked for at once", "load", "S2",
         (_MANY + "test_sixty_runs_asked_at_once_never_exceed_the_limit_and_end_cleanly",
          "tests/ui/shell/test_at_work.py::test_two_hundred_that_wait_are_one_line_and_one_button")),
    Case(41, "A run that is out of memory", "workers", "S2",
         (_JOBS + "bounds/test_memory.py::test_a_worker_over_its_limit_ends_itself_and_says_so",
          _JOBS + "launching/test_guard.py::test_what_the_system_ended_for_memory_says_so_and_what_to_lower")),
    Case(42, "A clock that jumps by an hour", "workers", "S2",
         (_MANY + "test_a_clock_that_jumps_takes_no_run_from_a_worker_that_lives",)),
    Case(43, "SIGKILL in mid-epoch of quantization-aware training", "workers", "S1",
         (_JOBS + "kinds/test_jobs.py::test_killed_in_mid_training_and_resumed_it_ends_with_the_same_weights",)),
    Case(44, "One process of a distributed training killed", "workers", "S1", reason="no training is distributed"),
    Case(45, "A double click", "load", "S3",
         (_APP + "test_a_run_outlives_the_killed_server_and_a_double_click_is_one_run",)),
)  # fmt: skip

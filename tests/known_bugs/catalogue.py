"""Ninety-three ways in which programs like this one broke conversations, as their users told in public, and what would notice here.

Each row names its tests, `file: test` or `file: symptom`, by the file's path below this folder's parent.
"""

from attrs import frozen


@frozen
class Row:
    """One way."""

    what: str
    tests: tuple[str, ...]


def _row(what: str, *tests: str) -> Row:
    return Row(what, tests)


_HOME = "pipeline/test_reasoning: test_a_tool_loop_hands_the_issuer_its_proofs_back"
_REFUSED_ONCE = "pipeline/test_reasoning: test_a_refused_signature_is_left_out_once_and_told"
_NOT_AGAIN = "pipeline/test_reasoning: test_what_was_refused_once_is_not_shown_again"
_UNSIGNED = "pipeline/test_reasoning: test_thoughts_that_nobody_signed_cost_no_refused_try"
_FOREIGN = "pipeline/test_reasoning: test_the_clients_own_vendor_is_never_shown_what_another_signed"

ROWS: tuple[Row, ...] = (
    # 1
    _row(
        "An error in a stream was skipped, and the client saw a short answer",
        "known_bugs/test_cut_streams: test_an_error_in_a_stream_is_no_short_answer",
    ),
    _row(
        "Tool calls were numbered by the blocks before them",
        "known_bugs/test_streams: tool calls are counted from 0, whatever blocks came before",
        "known_bugs/test_streams: calls that interleave come one after another",
    ),
    _row("Every block was a choice of its own", "known_bugs/test_streams: there is one choice, whatever blocks came before"),
    _row(
        "An empty text block came before the thinking, and thoughts stood in a block's start",
        "known_bugs/test_streams: no empty text block opens before the thinking",
        "known_bugs/test_streams: the thinking is not told in the block's start",
    ),
    _row(
        "A message started twice, and thoughts went into a text block",
        "known_bugs/test_streams: a message starts once, and each delta fits its block",
    ),
    _row(
        "Arguments that no delta told were lost",
        "known_bugs/test_item_streams: arguments that only the last event tells arrive",
        "core/formats/openai_responses/test_decoder: test_arguments_are_made_up_for_where_deltas_left_them_out",
    ),
    _row(
        "Chunks with nothing but thoughts were dropped",
        "known_bugs/test_streams: chunks of nothing but thinking are not dropped",
        "known_bugs/test_streams: thinking by a compatible server's other name is not dropped",
    ),
    _row(
        "A turn that called a tool ended as if all were said",
        "known_bugs/test_streams: a turn that calls a tool ends as one, though the upstream says stop",
        "known_bugs/test_streams: an answer that calls a tool ends as one for Gemini's STOP",
    ),
    _row("Thoughts were missing when calls were replayed", "known_bugs/test_thinking: thinking goes back with the calls it led to", _HOME),
    _row(
        "A signature was lost in a stream",
        "known_bugs/test_streams: a signature at the end of a stream is kept",
        "known_bugs/test_streams: a call's signature is kept, and not inside its id",
    ),
    # 11
    _row("A signature was hidden in a call's id", "known_bugs/test_streams: a call's signature is kept, and not inside its id"),
    _row(
        "Ids of a thousand characters were refused, and the session was lost",
        "known_bugs/test_requests: an id that is too long is shortened, for the call and its result alike",
    ),
    _row(
        "Ids of more than 40 characters were refused",
        "known_bugs/test_requests: an id is no longer than the strictest of Chat's servers takes",
    ),
    _row(
        "A shape for the answer became a forced tool, which forbids thinking",
        "known_bugs/test_requests: a shape for the answer is no forced tool",
    ),
    _row(
        "A forced tool came back after the tools had answered, and met thinking",
        "known_bugs/test_thinking: thinking by a budget does not meet a forced tool",
        "known_bugs/test_thinking: nor does it after the tools have answered",
    ),
    _row(
        "Thoughts leaked into the answer and broke its JSON",
        "known_bugs/test_streams: thoughts do not leak into the answer's text",
        "known_bugs/test_answers: thoughts are not in the text that is to be JSON",
    ),
    _row(
        "A schema was thinned out though the vendor takes it whole", "known_bugs/test_requests: a shape for the answer is not thinned out"
    ),
    _row(
        "A hosted tool's use became a call for the client, and its result was dropped",
        "known_bugs/test_streams: what a hosted tool does is not a call for the client",
        "known_bugs/test_requests: what a hosted search found goes back only with its seal",
    ),
    _row(
        "The same for clients of Responses, whose replay was refused",
        "known_bugs/test_item_streams: what a hosted tool did is no call that its client has to answer",
    ),
    _row(
        "A hosted tool's result was appended to a call's arguments",
        "known_bugs/test_streams: a hosted tool's result is not appended to arguments",
    ),
    # 21
    _row(
        "Search results without their seal were replayed, and refused",
        "known_bugs/test_requests: another vendor's hosted search does not go to Claude as one of its own, which has a seal",
        "core/test_hosted: test_what_another_vendor_found_never_goes_to_claude_as_its_own",
    ),
    _row(
        "A hosted search of Responses was not told to Claude's client",
        "core/test_hosted: test_what_a_tool_did_is_shown_in_the_clients_own_way",
        "core/test_hosted: test_a_stream_shows_what_the_body_shows",
        "known_bugs/test_answers: a hosted search is no call for the client",
    ),
    _row("Tokens read from a cache were billed as input", "known_bugs/test_streams: cache reads are not told as input"),
    _row(
        "A stream's start claimed that nothing came from a cache",
        "known_bugs/test_streams: what is known of the cache is told at the start",
        "known_bugs/test_streams: what is not known of the cache yet is not told as none",
    ),
    _row("Words came for an item that was never added", "known_bugs/test_item_streams: an item is added before what belongs to it"),
    _row("Items ended that had never begun", "known_bugs/test_item_streams: no item is opened for words that never come"),
    _row(
        "After thoughts, words belonged to no item",
        "known_bugs/test_item_streams: an item is added before what belongs to it",
        "known_bugs/test_item_streams: an item's place and id are its own",
    ),
    _row(
        "Two items had one place, and an item's id changed with each delta",
        "known_bugs/test_item_streams: an item's place and id are its own",
    ),
    _row("The answer completed while an item was open", "known_bugs/test_item_streams: the answer completes after its items"),
    _row(
        "An answer that began with thoughts arrived empty", "known_bugs/test_item_streams: an answer that begins with thinking is not empty"
    ),
    # 31
    _row(
        "Pieces of the network were taken for whole events",
        "known_bugs/test_cut_streams: test_pieces_of_a_character_or_of_a_line_end_are_put_together",
        "corpus/test_cut_streams: test_recorded_streams_may_be_cut_anywhere",
    ),
    _row("Lines were cut at separators of other alphabets", "known_bugs/test_streams: lines are not cut at separators of other alphabets"),
    _row(
        "Advice on when to try again was dropped, so that clients tried for ever",
        "known_bugs/test_answers: test_what_a_vendor_says_about_trying_again_reaches_its_clients",
        "backends/test_http: test_a_refusal_keeps_the_figures_that_agents_slow_down_by_and_no_other_header",
        "backends/test_http_relay: test_only_named_headers_travel_down",
    ),
    _row(
        "A budget for thinking was no lower than the limit",
        "known_bugs/test_thinking: a budget for thinking leaves room for the answer",
        "known_bugs/test_thinking: a limit that leaves no room for thinking is kept, and the thinking is not",
    ),
    _row(
        "Gemini: a signature crashed, pictures in results were dropped, arguments did not stream",
        "known_bugs/test_streams: a call's signature is kept, and not inside its id",
        "known_bugs/test_requests: a picture in a tool's result is not dropped",
        "core/formats/gemini/test_stream_decoder: test_arguments_may_come_in_pieces",
    ),
    _row(
        "The header that switches on what a body uses was lost, and an error had the type None",
        "known_bugs/test_requests: test_a_clients_betas_reach_their_vendor",
        "backends/test_http_relay: test_only_named_headers_travel_up_and_only_ours_is_the_key",
        "known_bugs/test_answers: test_an_error_of_any_body_keeps_its_status_and_has_a_type",
    ),
    _row("A finished answer told no reason for its end", "known_bugs/test_streams: a stop reason is told"),
    _row(
        "A replayed turn began with a call where its thoughts should be",
        "known_bugs/test_thinking: thinking goes back with the calls it led to",
        _HOME,
    ),
    _row(
        "additionalProperties was sent to a model that does not know it",
        "known_bugs/test_requests: an older Gemini is given no word that its dialect lacks",
    ),
    _row(
        "$schema was sent to Gemini",
        "known_bugs/test_requests: Gemini is given schemas as they are, without what only names them",
        "known_bugs/test_requests: an older Gemini is given no word that its dialect lacks",
    ),
    # 41
    _row(
        "Ids of more than 64 characters were refused",
        "known_bugs/test_requests: an id that is too long is shortened, for the call and its result alike",
    ),
    _row(
        "Lists of types and allOf were sent to Gemini",
        "known_bugs/test_requests: an older Gemini is given one type at a time",
        "known_bugs/test_requests: an older Gemini is given no word that its dialect lacks",
    ),
    _row(
        "Examples of a tool's input were sent to Gemini",
        "known_bugs/test_requests: Gemini is given schemas as they are, without what only names them",
    ),
    _row(
        "A signature did not fit its text any more, which was spelled anew",
        "known_bugs/test_thinking: test_signed_thinking_is_not_respelled",
        "backends/test_http_relay: test_bodies_travel_untouched_both_ways",
    ),
    _row(
        "OpenAI's sealed reasoning was sent to Claude as a signature",
        "known_bugs/test_thinking: sealed reasoning of another vendor is no signature",
        "known_bugs/test_thinking: a signature is sent to nobody but its issuer",
    ),
    _row(
        "What stood for a signature on the way to a client was sent to Claude when the model changed",
        _FOREIGN,
        "pipeline/test_proofs: test_only_the_issuer_is_sent_a_proof",
    ),
    _row("Gemini's stand-in for a signature was sent to Claude", "known_bugs/test_thinking: the stand-in is never sent to Claude"),
    _row(
        "Hosted tools became tools without a name, tools in a namespace were lost, and arguments ended empty",
        "known_bugs/test_requests: a hosted tool is no tool without a name",
        "known_bugs/test_requests: tools in a namespace are tools",
        "known_bugs/test_item_streams: arguments are told whole when they end",
    ),
    _row("A tool was run without its arguments", "known_bugs/test_streams: a tool's arguments reach a client that needs them whole"),
    _row(
        "The end said that tools were called, and there were no calls",
        "known_bugs/test_streams: a finish that calls tools comes with the calls",
    ),
    # 51
    _row(
        "Claude Code's note on its user was sent to a backend that refuses it",
        "known_bugs/test_requests: what a client notes for its own vendor is not sent on, nor whose account it is",
    ),
    _row(
        "A refusal in another shape became a fault of the gateway",
        "known_bugs/test_answers: test_a_refusal_that_is_not_the_vendors_own_shape_keeps_its_status",
    ),
    _row("Only the last message was sent", "known_bugs/test_requests: the whole conversation is sent"),
    _row(
        "Claude Code could not work with an OpenAI model at all",
        "known_bugs/test_requests: test_all_that_claude_code_says_is_taken_by_other_vendors",
        "e2e/test_programs: test_claude_code_writes_a_file_with_an_openai_model",
    ),
    _row(
        "Replayed seals and signatures did not verify, and every further turn failed",
        _REFUSED_ONCE,
        "pipeline/test_refusals: test_the_vendors_words_are_known",
    ),
    _row(
        "A resumed session held signatures that had become stale",
        _REFUSED_ONCE,
        _NOT_AGAIN,
        "pipeline/test_reasoning: test_a_refusal_through_another_format_is_left_out_too",
    ),
    _row("A session went on at another backend or account, whose signatures differ", _FOREIGN, _UNSIGNED, _REFUSED_ONCE, _NOT_AGAIN),
    _row(
        "One constant signature was stamped over the real ones",
        "known_bugs/test_thinking: nothing stands in for a signature that is there",
        "corpus/test_proofs: test_every_recorded_proof_reaches_its_issuer",
    ),
    _row(
        "Gemini refused a history that was signed",
        "corpus/test_proofs: test_every_recorded_proof_reaches_its_issuer",
        "pipeline/test_refusals: test_a_refused_signature_is_replaced_by_the_documented_stand_in",
    ),
    _row(
        "A call was replayed without its signature",
        "known_bugs/test_thinking: a call that Gemini did not make has the documented stand-in for a signature",
        _HOME,
    ),
    # 61
    _row(
        "The same, and its refusal was told as a failure of the server",
        "known_bugs/test_answers: test_a_signature_that_is_missing_is_told_as_the_requests_fault",
        "pipeline/test_refusals: test_a_missing_signature_is_stood_in_for_and_the_others_stay",
    ),
    _row(
        "exclusiveMinimum, propertyNames and const were sent to Gemini",
        "known_bugs/test_requests: an older Gemini is given no word that its dialect lacks",
    ),
    _row(
        "propertyNames was sent to Gemini, which took no request then",
        "known_bugs/test_requests: an older Gemini is given no word that its dialect lacks",
        "backends/test_http_dialect: test_the_second_try_is_in_the_older_dialect_and_remembered",
    ),
    _row("Settings that nobody made were sent as null", "known_bugs/test_requests: settings that nobody made are not sent as nulls"),
    _row(
        "A name that was required twice made a schema invalid", "known_bugs/test_requests: a name that is required twice is required once"
    ),
    _row(
        "A compatible server's reasoning details were not replayed",
        "known_bugs/test_thinking: a compatible server's reasoning details go back",
    ),
    _row(
        "The signature beside a compatible server's call was stripped",
        "known_bugs/test_thinking: a signature beside a compatible server's call goes back",
    ),
    _row(
        "Thoughts without words lost their signature, and sealed ones had no place",
        "known_bugs/test_thinking: thinking without words is still thinking",
        "known_bugs/test_thinking: sealed thinking goes back",
    ),
    _row(
        "A signature was lost when a stream was put together",
        "known_bugs/test_streams: a signature at the end of a stream is kept",
        "core/test_laws: test_a_stream_says_what_the_body_says_however_it_is_cut",
    ),
    _row("Text went into an open tool block", "known_bugs/test_streams: text never goes into an open tool block"),
    # 71
    _row(
        "Events of a stream had no id, no model, no place and no items",
        "known_bugs/test_item_streams: test_events_are_named_numbered_and_of_one_response",
        "known_bugs/test_item_streams: an item is added before what belongs to it",
    ),
    _row(
        "Clients had to put up with streams that open no items",
        "known_bugs/test_item_streams: an upstream's words are read though it never opened an item for them",
    ),
    _row("An event's data did not say which it was", "known_bugs/test_item_streams: test_events_are_named_numbered_and_of_one_response"),
    _row("The end of the words was not told", "known_bugs/test_item_streams: the text is told whole when it ends"),
    _row("A picture came between two results", "known_bugs/test_requests: a picture does not come between two results"),
    _row(
        "Results did not stand together",
        "known_bugs/test_requests: results of one turn come together and before other words",
        "known_bugs/test_requests: a late instruction does not come between a call and its result",
    ),
    _row(
        "Of several calls only the first arrived",
        "known_bugs/test_answers: every parallel call is told, and the finish says so",
        "known_bugs/test_streams: every parallel call arrives",
    ),
    _row(
        "The vendor's word for the end reached clients that do not know it",
        "known_bugs/test_streams: the vendor's word for the finish does not leak",
    ),
    _row(
        "Half a call was run at the end of the bytes, and a small limit cut the thinking",
        "known_bugs/test_cut_streams: test_half_a_call_at_the_end_of_the_bytes_is_an_error",
        "known_bugs/test_requests: no limit is the model's own, not a small number",
    ),
    _row(
        "Long ids were refused, or cut so that calls and results did not meet",
        "known_bugs/test_requests: an id that is too long is shortened, for the call and its result alike",
        "known_bugs/test_requests: two long ids that begin alike stay two",
        "known_bugs/test_requests: an id with letters that Claude does not take is spelled otherwise",
    ),
    # 81
    _row(
        "Calls and results were dropped on their way to one kind of provider",
        "known_bugs/test_requests: test_every_call_goes_with_its_result",
    ),
    _row("Claude's usage was wrong in Chat's words", "known_bugs/test_answers: tokens from a cache are in the prompt's sum"),
    _row(
        "Usage that a stream tells cumulatively was added up",
        "known_bugs/test_streams: usage that is told twice is not added up",
        "known_bugs/test_streams: cumulative usage of every chunk counts once",
    ),
    _row("Input counted what had come from a cache once more", "known_bugs/test_answers: tokens from a cache are not in the rest"),
    _row(
        "A quota that was used up was tried again like a limit on the rate",
        "known_bugs/test_answers: test_a_quota_that_is_used_up_is_not_to_be_asked_again",
    ),
    _row(
        "An overloaded vendor became a failure that nobody tries again",
        "known_bugs/test_answers: test_an_overloaded_vendor_is_no_fault_of_ours",
    ),
    _row(
        "Characters were cut in two, and other line ends and fields without a space were not read",
        "known_bugs/test_cut_streams: test_pieces_of_a_character_or_of_a_line_end_are_put_together",
        "known_bugs/test_cut_streams: test_a_field_may_come_without_a_space_after_its_colon",
    ),
    _row(
        "Events were joined or cut, and Chinese text was lost",
        "known_bugs/test_cut_streams: test_pieces_of_a_character_or_of_a_line_end_are_put_together",
        "core/test_laws: test_a_stream_may_come_byte_by_byte_and_with_more_behind_it",
    ),
    _row(
        "An upstream's comments came through, and usage beside content was lost",
        "known_bugs/test_streams: comments of the upstream do not come through",
        "known_bugs/test_streams: usage in a chunk with content is kept",
    ),
    _row(
        "Tools that came with the conversation were stripped",
        "known_bugs/test_requests: tools that come with the conversation are not stripped",
    ),
    # 91
    _row("A forced tool for the answer's shape met thinking", "known_bugs/test_requests: a shape for the answer is no forced tool"),
    _row(
        "With a shape, tools and thinking together an answer may end without words",
        "known_bugs/test_requests: a shape for the answer stands beside tools and thinking",
        "known_bugs/test_answers: an answer that ends after thinking is an empty one, and told as that",
    ),
    _row(
        "temperature was refused by the newest version of the API",
        "known_bugs/test_requests: test_temperature_is_sent_with_the_last_version_that_takes_it",
    ),
)

BESIDE: frozenset[str] = frozenset(
    {
        "another vendor's thinking is not told as words",
        "a blocked prompt is a refusal and no empty answer",
        "a limit below the least is raised to it",
        "test_a_conversation_that_is_too_long_is_told_in_the_words_that_clients_act_on",
        "test_a_delay_in_the_body_becomes_a_header",
    }
)
"""Cases that no row asked for, but that belong with them."""

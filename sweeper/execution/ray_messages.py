"""Parts of Ray's messages, where no exception type or field tells the cases apart.

Checked against Ray 2.60.0, the version in constraints.txt. After an upgrade of Ray, check every entry, as those of
ray_internals.py: each says what breaks without it.
"""

NODE_LOST_TEXTS = ("its node has died", " is unavailable: ")
"""In an ActorDiedError and an ActorUnavailableError, of which Tune keeps only the text.

Without them the loss of a node counts as a crash of the trial itself, and only `retries` of those are forgiven.
"""

OUT_OF_MEMORY_TEXT = "running low on memory"
"""In an OutOfMemoryError. Without it a trial that uses too much memory ends as failed."""

WRONG_TOKEN_TEXT = "InvalidAuthToken"
"""Among the causes of a ConnectionError. Without it the user is not told to set a token."""

TOKEN_REFUSED_TEXT = "Authentication failed"
"""At the start of an AuthenticationError for a wrong token. Without it the message is that for a missing token."""

LAST_LOGS_TEXT = ", last available logs"
"""In the message of a failed job, before its last lines as Ray repeats them. Without it the message has all of them."""

CONNECTION_LOST_TEXTS = ("WebSocket connection closed unexpectedly", "WebSocket error for job")
"""At the start of a RuntimeError for a log that breaks off. Without it a head that dies is taken for a refusal."""

NO_JOB_AGENT_TEXT = "No available agent to submit job"
"""A job server's answer while the agent of its node is not running. Without it `submit` does not wait for the agent."""

//! What a person does: open, pay, receive, send, history.

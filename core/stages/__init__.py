"""The stages of the flow, in order: collect, group, analyze, decide, fix, review, test, deliver, watch, learn."""

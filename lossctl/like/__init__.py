"""The conventions of other libraries: one file per library, each with the losses it shares with us.

A file has CONVENTIONS, by the name of our loss, and CHECKED, the release whose results the tests compare with ours.
"""

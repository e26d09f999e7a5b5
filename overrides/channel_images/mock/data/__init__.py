"""Holds what the mock server has: channels of images, made by arithmetic, and what happens to them.

Start with `store`, through which all of it is read and changed. Below it, `channel` keeps the changes of one channel,
`dataset` says what the channel began with, `pattern` which rows a filter finds, and `listing` reads a list by slices.
This room imports the contract, and of the mock `parameters` alone.
"""

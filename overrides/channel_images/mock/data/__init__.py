"""Holds what the mock server has: channels of images, made by arithmetic or loaded, and what happens to them.

Start with `store`, through which all of it is read and changed. Below it, `channel` keeps the changes of one channel,
`beginning` says what a channel begins with, `dataset` makes that (`pattern`: which rows a filter finds), or `files` and
`loaded` read it; `listing` reads a list by slices. This room imports the contract, and of the mock `as_json` and
`parameters` alone.
"""

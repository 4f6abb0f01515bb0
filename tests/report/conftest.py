"""A ledger with a story on it: played through production code, kept while one module's tests run."""

import datetime as dt
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, make_url

from dunflow.config.base import build
from dunflow.config.book import Book
from dunflow.ledger import throwaway
from dunflow.ledger.engine import make_engine
from dunflow.scenario.model import Scenario
from dunflow.scenario.run import Story, book_of, run_story

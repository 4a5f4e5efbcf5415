# The lines of the README, for those who have make; tests/test_readme.py compares them.

.PHONY: ask test wheel bench constraints

ask:
	python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt . && .venv/bin/ask "Is PyTorch a framework or a library?"

test:
	python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt -e '.[test]' && .venv/bin/pytest

wheel:
	.venv/bin/pip wheel -q --no-deps -w dist .

bench:
	.venv/bin/python tests/benchmarks/bench_ask.py

# The newest set within the bounds of pyproject.toml; run the tests before you commit it.
constraints:
	python3 -m venv --clear .venv-constraints
	.venv-constraints/bin/pip install -q '.[test]'
	{ sed -n '/^#/p' constraints.txt; .venv-constraints/bin/pip freeze --all --exclude ask-docs --exclude pip | sed 's/+[a-z0-9.]*$$//'; } > constraints.new
	mv constraints.new constraints.txt
	rm -r .venv-constraints

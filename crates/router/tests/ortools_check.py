#!/usr/bin/env python3
"""Checks dumped problems against OR-tools: the objective must be the exact solver's, to the unit.

usage: ortools_check.py FILE.min ...        # written by `plan --dump DIR`; needs ortools and numpy
"""
import sys

import numpy as np
from ortools.graph.python import min_cost_flow

wrong = 0
for path in sys.argv[1:]:
    objective, supplies, arcs = None, [], []
    for line in open(path):
        kind, *fields = line.split()
        if kind == "c" and fields[0] == "objective":
            objective = int(fields[1])
        elif kind == "n":
            supplies.append((int(fields[0]), int(fields[1])))
        elif kind == "a":
            arcs.append([int(field) for field in fields])
    if objective is None or not arcs:
        sys.exit(f"{path}: not a dumped problem")
    tails, heads, _, rooms, costs = np.array(arcs, dtype=np.int64).T
    solver = min_cost_flow.SimpleMinCostFlow()
    solver.add_arcs_with_capacity_and_unit_cost(tails, heads, rooms, costs)
    for node, supply in supplies:
        solver.set_node_supply(node, supply)
    status = solver.solve()
    if status != solver.OPTIMAL:
        sys.exit(f"{path}: OR-tools says {status}, not OPTIMAL")
    exact = solver.optimal_cost()
    print(f"{path}: {len(arcs)} arcs, amount {supplies[0][1]} msat, objective {objective}, OR-tools {exact}",
          "" if exact == objective else "  <-- DIFFERENT")
    wrong += exact != objective
sys.exit(1 if wrong or len(sys.argv) < 2 else 0)

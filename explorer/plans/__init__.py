"""Plans: bits for every block, what they cost, their predicted damage, and which are worth having.

read_plan, Plan                         a plan and its file
frontier(study, traces, ...)            every Pareto-optimal plan; ``.best_under(Budget("ratio", 8))``
study_problem, solve, enumerate_set_b   the steps of it, for tables of one's own
"""

from explorer.plans.budget import Budget
from explorer.plans.costs import (
    CostTable,
    bops,
    bops_table,
    compression,
    fp32_bytes,
    latency_table,
    measured_table,
    size_bits,
    size_bytes,
    size_table,
)
from explorer.plans.damage import DamageTable, damage_table, interpolate_errors
from explorer.plans.frontier import Frontier, Point, solve
from explorer.plans.of_study import (
    COSTS,
    MENU,
    CostName,
    cost_table,
    default_menu,
    frontier,
    network_damage,
    profile_damage,
    study_problem,
)
from explorer.plans.plan import ALLOWED_BITS, BlockBits, Difference, Plan
from explorer.plans.problem import Group, Problem, build_problem
from explorer.plans.published import TABLE_VI_SOURCE, Published, published_plans, table_vi
from explorer.plans.reading import read_plan
from explorer.plans.set_b import SetB, count, enumerate_set_b

__all__ = [
    "ALLOWED_BITS",
    "COSTS",
    "MENU",
    "TABLE_VI_SOURCE",
    "BlockBits",
    "Budget",
    "CostName",
    "CostTable",
    "DamageTable",
    "Difference",
    "Frontier",
    "Group",
    "Plan",
    "Point",
    "Problem",
    "Published",
    "SetB",
    "bops",
    "bops_table",
    "build_problem",
    "compression",
    "cost_table",
    "count",
    "damage_table",
    "default_menu",
    "enumerate_set_b",
    "fp32_bytes",
    "frontier",
    "interpolate_errors",
    "latency_table",
    "measured_table",
    "network_damage",
    "profile_damage",
    "published_plans",
    "read_plan",
    "size_bits",
    "size_bytes",
    "size_table",
    "solve",
    "study_problem",
    "table_vi",
]

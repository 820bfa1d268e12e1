"""Plans: bits for every block, what they cost, their predicted damage, and which are worth having.

read_plan, write_plan, Plan             a plan and its file
evaluate_plan, measure_plan             what a plan is worth and what it costs
frontier(study, traces, ...)            every Pareto-optimal plan; ``.best_under(Budget("ratio", 8))``
study_problem, solve, enumerate_set_b   the steps of it, for tables of one's own
solve_one, greedy                       one budget by an integer programme; the greedy baseline
interactions, least_together            damage with its terms between blocks; the best plan by it, with a bound
resample, within_noise, restriction     how sure a plan is; what looking at fewer plans costs
rival                                   what another measure of damage would choose at the same cost
"""

from explorer.plans.costs.activation_memory import Peak, activation_peak, activations_table, peak_maximum
from explorer.plans.costs.latency_file import read_latency_csv
from explorer.plans.costs.tables import (
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
from explorer.plans.damage.interactions import Interactions
from explorer.plans.damage.interactions import compute as interactions
from explorer.plans.damage.measures import activation_damage, activation_products, measured_damage
from explorer.plans.damage.network_errors import network_errors
from explorer.plans.damage.omega import DamageTable, damage_table, interpolate_errors
from explorer.plans.of_study import ACTIVATION_BITS, activation_rule, frontier, study_problem
from explorer.plans.plan.plan import ALLOWED_BITS, BlockBits, Difference, Plan
from explorer.plans.plan.published import TABLE_VI_SOURCE, Published, published_plans, table_vi
from explorer.plans.plan.reading import read_plan, write_plan
from explorer.plans.plan.saved import save_plan, saved_plans
from explorer.plans.plan.value import PlanValue, evaluate_plan, measure_plan
from explorer.plans.problem.budget import Budget, Limit
from explorer.plans.problem.groups import Group, Option
from explorer.plans.problem.infeasible import InfeasibleError
from explorer.plans.problem.point import Point
from explorer.plans.problem.problem import Bound, Problem, build_problem
from explorer.plans.problem.ties import automatic_ties
from explorer.plans.solvers.curve import Curve
from explorer.plans.solvers.exact_one import Certificate, Solution, solve_one
from explorer.plans.solvers.frontier import Frontier, solve
from explorer.plans.solvers.greedy import greedy
from explorer.plans.solvers.set_b import SetB, count, enumerate_set_b
from explorer.plans.solvers.together import Together, least_together
from explorer.plans.study_tables import (
    COSTS,
    MEASURES,
    MENU,
    cost_table,
    default_menu,
    error_damage,
    network_damage,
    profile_damage,
    study_damage,
    usual_measure,
)
from explorer.plans.trust.restriction import Restriction, restriction
from explorer.plans.trust.rival import Rival, rival
from explorer.plans.trust.uncertainty import (
    Uncertainty,
    neighbours_within_noise,
    paired_stderr,
    resample,
    within_noise,
)
from explorer.questions.frontier import CostName, FrontierQuestion, Measure

__all__ = [
    "ACTIVATION_BITS",
    "ALLOWED_BITS",
    "COSTS",
    "MEASURES",
    "MENU",
    "TABLE_VI_SOURCE",
    "BlockBits",
    "Bound",
    "Budget",
    "Certificate",
    "CostName",
    "CostTable",
    "Curve",
    "DamageTable",
    "Difference",
    "Frontier",
    "FrontierQuestion",
    "Group",
    "InfeasibleError",
    "Interactions",
    "Limit",
    "Measure",
    "Option",
    "Peak",
    "Plan",
    "PlanValue",
    "Point",
    "Problem",
    "Published",
    "Restriction",
    "Rival",
    "SetB",
    "Solution",
    "Together",
    "Uncertainty",
    "activation_damage",
    "activation_peak",
    "activation_products",
    "activation_rule",
    "activations_table",
    "automatic_ties",
    "bops",
    "bops_table",
    "build_problem",
    "compression",
    "cost_table",
    "count",
    "damage_table",
    "default_menu",
    "enumerate_set_b",
    "error_damage",
    "evaluate_plan",
    "fp32_bytes",
    "frontier",
    "greedy",
    "interactions",
    "interpolate_errors",
    "latency_table",
    "least_together",
    "measure_plan",
    "measured_damage",
    "measured_table",
    "neighbours_within_noise",
    "network_damage",
    "network_errors",
    "paired_stderr",
    "peak_maximum",
    "profile_damage",
    "published_plans",
    "read_latency_csv",
    "read_plan",
    "resample",
    "restriction",
    "rival",
    "save_plan",
    "saved_plans",
    "size_bits",
    "size_bytes",
    "size_table",
    "solve",
    "solve_one",
    "study_damage",
    "study_problem",
    "table_vi",
    "usual_measure",
    "within_noise",
    "write_plan",
]

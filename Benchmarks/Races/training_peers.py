"""Other ways to a globally optimal one-hidden-layer network: complementarity models for general solvers, and linear
programs over all dichotomies. They share no code with Crease.

The model: pre-activation z_ij = a_j x_i + b_j = p_ij - m_ij with p, m >= 0, of which at most one is not zero (a special
ordered set of type 1), so that p_ij = max(0, z_ij). Big-M models are wrong in general: a step between close inputs
takes slopes without bound.
"""

import itertools
import math
import time

import numpy
from scipy.optimize import linprog


def sign_patterns(units):
    """Units of equal sign are interchangeable."""
    return [[1] * positive + [-1] * (units - positive) for positive in range(units + 1)]


def scip(inputs, targets, units, seconds, gap=1e-6, output_term="none", loss="squared", start=math.inf):
    """(upper, lower, seconds): the least mean loss over all sign patterns, by SCIP."""
    from pyscipopt import Model, quicksum

    begun = time.perf_counter()
    rows, n = inputs.shape
    best, bounds = start, []
    for signs in sign_patterns(units):
        left = seconds - (time.perf_counter() - begun)
        if left <= 0:
            bounds.append(0.0)
            continue
        model = Model()
        model.hideOutput()
        model.setParam("limits/time", left)
        model.setParam("limits/gap", gap)
        model.setParam("parallel/maxnthreads", 1)
        a = [[model.addVar(lb=None) for _ in range(n + 1)] for _ in signs]
        out = [model.addVar(lb=None) for _ in range({"none": 0, "bias": 1, "affine": n + 1}[output_term])]
        total = []
        for i in range(rows):
            x = [1.0, *map(float, inputs[i])]
            prediction = quicksum(x[k] * out[k] for k in range(len(out)))
            for j, sign in enumerate(signs):
                p, m = model.addVar(lb=0), model.addVar(lb=0)
                model.addCons(quicksum(x[k] * a[j][k] for k in range(n + 1)) == p - m)
                model.addConsSOS1([p, m])
                prediction += sign * p
            e = model.addVar(lb=None)
            if loss == "squared":
                model.addCons(e == prediction - float(targets[i]))
            else:  # squared hinge
                model.addCons(e >= 1 - float(targets[i]) * prediction)
                model.chgVarLb(e, 0.0)
            total.append(e)
        objective = model.addVar(lb=0)
        model.addCons(quicksum(e * e for e in total) <= objective)
        model.setObjective(objective * (1.0 / rows))
        if math.isfinite(best):
            model.setObjlimit(best)
        model.optimize()
        if model.getNSols() > 0:
            best = min(best, model.getObjVal())
        bounds.append(model.getDualbound() if model.getStatus() != "infeasible" else best)
    return best, min(best, *bounds), time.perf_counter() - begun


def gurobi(inputs, targets, units, seconds, gap=1e-6):
    """(upper, lower, seconds) for the squared loss by Gurobi, one thread; its free licence limits the size."""
    import gurobipy

    begun = time.perf_counter()
    rows, n = inputs.shape
    best, bounds = math.inf, []
    with gurobipy.Env(params={"OutputFlag": 0}) as environment:
        for signs in sign_patterns(units):
            left = seconds - (time.perf_counter() - begun)
            if left <= 0:
                bounds.append(0.0)
                continue
            with gurobipy.Model(env=environment) as model:
                model.Params.Threads = 1
                model.Params.TimeLimit = left
                model.Params.MIPGap = gap
                if math.isfinite(best):
                    model.Params.Cutoff = best
                free = {"lb": -gurobipy.GRB.INFINITY}
                a = model.addVars(units, n + 1, **free)
                p, m = model.addVars(rows, units), model.addVars(rows, units)
                e = model.addVars(rows, **free)
                for i in range(rows):
                    x = [1.0, *map(float, inputs[i])]
                    for j in range(units):
                        model.addConstr(
                            gurobipy.quicksum(x[k] * a[j, k] for k in range(n + 1)) == p[i, j] - m[i, j])
                        model.addSOS(gurobipy.GRB.SOS_TYPE1, [p[i, j], m[i, j]])
                    fit = gurobipy.quicksum(sign * p[i, j] for j, sign in enumerate(signs))
                    model.addConstr(e[i] == fit - float(targets[i]))
                model.setObjective(gurobipy.quicksum(e[i] * e[i] for i in range(rows)) * (1.0 / rows))
                model.optimize()
                if model.SolCount:
                    best = min(best, model.ObjVal)
                bounds.append(best if model.Status == gurobipy.GRB.CUTOFF else model.ObjBound)
    return best, min(best, *bounds), time.perf_counter() - begun


def dichotomies(inputs):
    """Every partition of distinct points by a hyperplane that meets none of them, by linear programs."""
    points = numpy.column_stack([inputs, numpy.ones(len(inputs))])
    found = []
    for signs in itertools.product([-1, 1], repeat=len(points)):
        rows = -numpy.array(signs)[:, None] * points
        answer = linprog(
            numpy.zeros(points.shape[1]), A_ub=rows, b_ub=-numpy.ones(len(points)), bounds=(None, None))
        if answer.status == 0:
            found.append(signs)
    return found


def piecewise_linear(inputs, targets, units, loss, output_term="none", level=0.5):
    """The least mean absolute, quantile or hinge loss: a linear program (HiGHS) for every multiset of signed
    dichotomies of the distinct inputs."""
    distinct, index = numpy.unique(inputs, axis=0, return_inverse=True)
    index = index.reshape(-1)
    cells = [(sign, cell) for cell in dichotomies(distinct) for sign in (1, -1)]
    rows, n = inputs.shape
    points = numpy.column_stack([inputs, numpy.ones(rows)])
    extra = {"none": points[:, :0], "bias": points[:, -1:], "affine": points}[output_term]
    width = units * (n + 1) + extra.shape[1]
    best = math.inf
    for choice in itertools.combinations_with_replacement(cells, units):
        design = numpy.zeros((rows, width))
        cones = []
        for j, (sign, cell) in enumerate(choice):
            side = numpy.array(cell)[index]
            columns = slice(j * (n + 1), (j + 1) * (n + 1))
            design[:, columns] = sign * (side > 0)[:, None] * points
            cone = numpy.zeros((rows, width + rows))
            cone[:, columns] = -side[:, None] * points
            cones.append(cone)
        design[:, units * (n + 1):] = extra
        # Variables: parameters, then one excess t_i >= each line of the loss.
        identity = numpy.eye(rows)
        if loss == "hinge":
            lines = [(-targets[:, None] * design, -numpy.ones(rows))]
            lower = 0.0
        else:
            up, down = (1.0, 1.0) if loss == "absolute" else (1 - level, level)
            lines = [(up * design, up * targets), (-down * design, -down * targets)]
            lower = None
        upper_rows = [numpy.hstack([line, -identity]) for line, _ in lines] + cones
        upper_values = [value for _, value in lines] + [numpy.zeros(rows)] * units
        answer = linprog(
            numpy.concatenate([numpy.zeros(width), numpy.full(rows, 1 / rows)]),
            A_ub=numpy.vstack(upper_rows), b_ub=numpy.concatenate(upper_values),
            bounds=[(None, None)] * width + [(lower, None)] * rows)
        if answer.status == 0:
            best = min(best, answer.fun)
    return best

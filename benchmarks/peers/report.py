"""The table: on a terminal, and as markdown for the README."""


def seconds_text(seconds):
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1 or unit == "us":
            value = seconds * factor
            return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def range_text(ratio):
    text = f"{ratio['median']:.3g}"
    return text if ratio["min"] == ratio["max"] else f"{text} ({ratio['min']:.3g}-{ratio['max']:.3g})"


def verdict(met):
    return "met" if met else "MISSED"


def at_least(value, wanted):
    return f"at least {wanted:.3g}: {verdict(value >= wanted)}" if wanted else ""


def at_most(value, wanted, unit=""):
    return f"at most {wanted:.3g}{unit}: {verdict(value <= wanted)}" if wanted else ""


def limit_text(limit):
    wanted = at_most(limit["ratio"]["median"], limit["wanted"])
    return f"{range_text(limit['ratio'])} of {limit['name']}, {seconds_text(limit['seconds'])}" + (
        f" ({wanted})" if wanted else "")


def comparison_rows(groups):
    """Cells as COMPARISON_HEAD names them."""
    for group in groups:
        for problem in group["problems"]:
            yield [group["title"], "", "", f"NOT MEASURED: {problem}", "", "", ""]
        for row in group["rows"]:
            note = f" ({row['note']})" if row["note"] else ""
            memory = ""
            if "memory" in row:
                wanted = at_most(row["memory"], row["memory_wanted"])
                memory = f"{row['memory']:.2f}{f' ({wanted})' if wanted else ''}; {row['own_memory']:.2f}"
            yield [group["title"], f"{row['ours']} {seconds_text(row['ours_seconds'])}",
                   f"{row['peer']}{note} {seconds_text(row['peer_seconds'])}", range_text(row["times_as_fast"]),
                   at_least(row["times_as_fast"]["median"], row["wanted"]), memory,
                   "; ".join(map(limit_text, row["limits"]))]


COMPARISON_HEAD = ["case", "ours", "peer", "times as fast", "wanted", "peak memory, ours / peer; libraries aside",
                   "ours / limit"]


def comparison_text(rows):
    """For a terminal: a case is a line, and below it those of its rows."""
    lines, title = ["ours | peer | times as fast (least to largest of the rounds), wanted | peak memory, ours / peer; "
                    "libraries aside", "-" * 100], None
    for case, ours, peer, ratio, wanted, memory, limits in rows:
        if case != title:
            lines.append(case)
            title = case
        cells = [ours, peer, ratio + (f", {wanted}" if wanted else ""), memory and f"memory {memory}"]
        lines.append("    " + " | ".join(cell for cell in cells if cell))
        lines += [f"        {limit}" for limit in limits.split("; ") if limit]
    return "\n".join(lines)


def other_rows(results):
    """What is measured, its value, wanted: targets that compare us with ourselves."""
    for group in results["groups"]:
        if "memory_over_data" in group:
            ratio = group["memory_over_data"]
            yield [f"{group['title']}: peak memory, data included / the data", f"{ratio['ratio']:.2f}",
                   at_most(ratio["ratio"], ratio["wanted"])]
    collapsed = dict(results.get("growth", {}).get("steps", {}).get("linear collapsed", {}).get("points", []))
    if 10 in collapsed and 1000 in collapsed:
        ratio = collapsed[1000] / collapsed[10]
        yield ["4096 linear samples: 1000 steps / 10 steps", f"{ratio:.2f}",
               f"within 10 % of 1: {verdict(abs(ratio - 1) <= 0.1)}"]
    for program, time in results.get("compile_times", {}).items():
        seconds = range_text({**time, "median": time["seconds"]}) + " s of CPU"
        if "against" not in time:
            yield [f"compiling {program}", seconds, ""]
        else:
            yield [f"compiling {program} / {time['against']}", f"{time['ratio']:.2f} ({seconds})",
                   at_most(time["ratio"], time["wanted"])]
    if "certificates" in results:
        seconds, wanted = results["certificates"]["seconds"], results["certificates"]["wanted"]
        yield ["certificates on one core", f"{seconds:.0f} s", at_most(seconds, wanted, " s")]
    for axis, curves in results.get("growth", {}).items():
        for curve, fit in curves.items():
            if fit["measured"] is not None:
                yield [f"growth of {curve} with {axis}, from {fit['from']:,} on", f"power {fit['measured']:.2f}",
                       f"expected {fit['expected']}"]


OTHER_HEAD = ["measured", "value", "wanted"]


def plain_table(head, rows):
    rows = [head, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * min(len(lines[0]), 100), *lines[1:]])


def markdown_table(head, rows):
    line = lambda cells: "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    return "\n".join([line(head), line(["---"] * len(head)), *(line(row) for row in rows)])


def machine_text(machine):
    """One line for the head of the table."""
    versions = [f"{name} {machine[name]}" for name in
                ("Eigen", "oneDNN", "PyTorch", "NumPy", "SciPy", "scikit-learn") if machine.get(name)]
    return (f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads on both sides; "
            f"{machine['compiler']}; {', '.join(versions)}; BLAS of the peers: {machine.get('blas', 'unknown')}; "
            f"diffarch {machine['diffarch']}")


ELSEWHERE = ("Targets that this command does not measure: W2 of SpectrumOptimalSchedule (the program\n"
             "spectrum_schedules prints it), figure 1 with profile cpu in at most 75 minutes, the tests built in\n"
             "at most 8 minutes, those for CUDA in at most 12, everything on a GPU (benchmarks/gpu.py).")


def misses(results):
    """How many targets are missed, and how many cases could not be measured."""
    rows = [*comparison_rows(results["groups"]), *other_rows(results)]
    missed = sum(cell.count(verdict(False)) for row in rows for cell in row)
    return missed, len(results["problems"]) + sum(len(group["problems"]) > 0 for group in results["groups"])

"""What the paper claims of each figure, and what a program's JSON says: sentences and tables."""
import statistics

from reporting.elements import details, interval, number, percent, table

COPY_RATIO = 1 / 3  # d1 / d2 below it: a copy (Yoon et al. 2023), as the programs count

def linear_rows(rows):
    """Rows of linear denoisers: the Gaussian that these steps generate, predicted and measured."""
    shown = []
    for row in rows:
        name, predicted, measured = row["row"], row["predicted"]["total_variance"], row["measured"]
        shown += [
            (f"{name}: total variance", predicted, measured["total_variance_ratio_to_predicted"] * predicted,
             f"{measured['samples']} samples; data {number(row['data']['total_variance'])}"),
            (f"{name}: all variances together, z", "0 ± 1", measured["variance_z"],
             f"{len(measured['tested_modes'])} modes; worst: p = {number(measured['worst_mode_p_value'])}"),
            (f"{name}: error of the mean, rms", measured["expected_mean_error_rms"], measured["mean_error_rms"],
             f"z = {number(measured['mean_z'])}")]
    return table("Samples against the Gaussian predicted for exactly these steps",
                 ("what", "predicted", "measured", ""), shown)


def linear_sentence(rows):
    worst = max(rows, key=lambda row: abs(row["measured"]["variance_z"]))
    z = abs(worst["measured"]["variance_z"])
    verdict = ("the variances of all rows agree with the prediction within three standard errors" if z <= 3 else
               f"the variances of {worst['row']} do not agree with the prediction")
    kept = "; ".join(f"{row['row']} {percent(row['predicted']['total_variance'] / row['data']['total_variance'])}"
                     for row in rows)
    return f"Largest |z| is {number(z)}: {verdict}. Variance that these steps should keep: {kept}."


def fig2(found):
    compared = found["comparison"]
    denoisers, samples = (max(value for name, value in compared.items() if part in name)
                          for part in ("denoiser_difference", "sample_difference"))
    sentence = (f"The two denoisers differ by {number(denoisers)} of their size at most, over all noise levels, and "
                f"their samples by {number(samples)}.")
    rows = [(name.replace("_", " "), "0, to rounding", value) for name, value in compared.items()]
    return [sentence, linear_sentence(found["rows"])], [
        table("The denoisers of the two mixtures", ("what", "predicted", "measured"), rows), linear_rows(found["rows"])]


def fig3(found):
    rows, runaways, curls_of_gradients = [], [], []
    for row in found["rows"]:
        name, levels, escaped = row["architecture"], row["levels"], row["escaped_fraction"]
        is_linear, is_gradient = name.startswith("Polynomial<1"), "conservative" in name
        curl = max(level["curl_asymmetry"] for level in levels)
        may_run_away = not is_linear and any(level["leading_form_maximum"] > 0 for level in levels)
        if is_gradient:
            curls_of_gradients.append(curl)
        if escaped > 0:
            runaways.append(f"{name} ({percent(escaped)})")
        xx, xy, _, yy = map(number, row["covariance"])
        rows.append((name, "0" if is_linear or is_gradient else "> 0", curl, "possible" if may_run_away else "none",
                     percent(escaped), f"{xx}, {xy}, {yy}"))
    sentences = [f"Samples run away from: {', '.join(runaways)}." if runaways else "No sample runs away."]
    if curls_of_gradients:
        sentences.append(f"Denoisers that are made as gradients have curl {number(max(curls_of_gradients))} at most.")
    return sentences, [table(
        "Curl: |J − Jᵀ| / |J|, the largest of all levels. Runaways: predicted by the sign of the leading form",
        ("denoiser", "curl: predicted", "measured", "runaways: predicted", "measured", "covariance xx, xy, yy"), rows)]


def fig4(found):
    rows, sentences = [], []
    for row in found["rows"]:
        name = row["row"]
        if "largest_distance_to_polyline" in row:
            distance, bends = row["largest_distance_to_polyline"], row["polyline_bends"]
            rows += [(f"{name}: largest distance of a sample to the polyline", "0, to rounding", distance),
                     (f"{name}: bends of the polyline", "≤ 64", bends)]
            sentences.append(f"All samples lie within {number(distance)} of a polyline with {bends} bends, computed "
                             "from the weights of the last network.")
        if row.get("levels"):
            rows.append((f"{name}: final loss of the last level", "–", row["levels"][-1]["losses"][-1]))
    return sentences or ["The networks have been trained; nothing has been sampled."], [
        table("Bottlenecks in the plane", ("what", "predicted", "measured"), rows)]


def fig5(found):
    return [linear_sentence(found["rows"])], [linear_rows(found["rows"])]


def fig6(found):
    rows = []
    for one in found["generations"]:
        name = f"generation {one['generation']}"
        rows += [(f"{name}: total variance fitted", one["predicted_total_variance"], one["total_variance"]),
                 (f"{name}: samples differ from the first row by", "–", one["relative_sample_difference"]),
                 (f"{name}: denoisers differ by", "–", one["relative_denoiser_difference"])]
    last = found["generations"][-1]
    why = ("the moments were matched, what remains is rounding" if found["settings"]["moment_matched"] else
           "few steps lose variance, and a finite set of samples does not have the moments of the data")
    sentence = (f"In generation {last['generation']} the samples differ from the first row by "
                f"{percent(last['relative_sample_difference'])} of their deviation from the mean: {why}.")
    return [sentence, linear_sentence(found["rows"])], [
        table("From generation to generation", ("what", "predicted", "measured"), rows), linear_rows(found["rows"])]


def polynomials(found):
    rows, sentences = [], []
    for row in found["rows"]:
        near = row["nearest_training_image"]
        ratios = [one["d1_over_d2"] for one in near]
        ratio = statistics.median(ratios) if ratios else None
        distance = statistics.median(one["rms_distance"] for one in near) if near else None
        copies = sum(one < COPY_RATIO for one in ratios)
        # Only true polynomials have a leading form; where it is positive somewhere samples may run away.
        positive = [level["leading_form_positive_fraction"] for level in row.get("levels", [])]
        predicted = "–" if not positive else "possible" if max(positive) > 0 else "none"
        rows.append((row["row"], row["architecture"], predicted, percent(row["escaped_fraction"]), distance, ratio,
                     f"{copies} of {len(ratios)}", row.get("measured", {}).get("energy_distance_20_modes")))
        sentences.append(f"{row['row']}: {copies} of {len(ratios)} samples are copies (d1 / d2 < 1/3), median d1 / d2 "
                         f"{number(ratio)}.")
    headers = ("row", "denoiser", "runaways: predicted", "measured", "rms distance", "d1 / d2", "copies",
               "energy distance, 20 modes")
    if all(row[-1] is None for row in rows):
        headers, rows = headers[:-1], [row[:-1] for row in rows]
    tables = [table("The samples that are shown; distances to the nearest training image are medians. Runaways: "
                    "predicted by the sign of the leading form", headers, rows)]
    if "windows" in found:
        windows = [(number(sigma), one["patch_size"], one["width"])
                   for sigma, one in zip(found["sigmas"], found["windows"])]
        tables.append(details("Windows of the noise levels",
                              table("Noisiest level first", ("sigma", "window in pixels", "features"), windows)))
    return [" ".join(sentences)], tables


def networks(found):
    rows, sampled = [], []
    for row in found["rows"]:
        sees = f"{row['receptive_field']} pixels" if "receptive_field" in row else "–"
        measured = row.get("measured")
        if measured is None:
            rows.append((row["row"], row["architecture"], sees, "trained only", None, None, None))
            continue
        sampled.append((row["row"], measured))
        copies = interval(measured["memorised_fraction"], measured["memorised_interval_95"], percent)
        rows.append((row["row"], row["architecture"], sees, copies, measured["gap_ratio_median"],
                     measured["nearest_rms_distance_median"], measured["sharpness_relative_to_data"]))
    tables = [table("Copies: d1 / d2 < 1/3, with the 95 % interval; d1 / d2 and distance to the nearest training image "
                    "are medians", ("row", "network", "sees (predicted)", "copies", "d1 / d2", "rms distance",
                                    "sharpness / data"), rows)]
    if not sampled:
        return ["The networks have been trained; nothing has been sampled."], tables

    (most, high), (least, low) = (choose(sampled, key=lambda one: one[1]["memorised_fraction"])
                                  for choose in (max, min))
    shares = [percent(one["memorised_fraction"]) for one in (high, low)]
    if high["memorised_fraction"] == low["memorised_fraction"]:
        sentence = f"All rows copy the same share of their {high['samples']} samples: {shares[0]}"
    else:
        apart = high["memorised_interval_95"][0] > low["memorised_interval_95"][1]
        sentence = (f"Of {high['samples']} samples each, {most} copies most, {shares[0]}, and {least} least, {shares[1]}"
                    "; the 95 % intervals " +
                    ("do not overlap" if apart else "overlap, so that this run does not tell them apart"))
    spacing = number(high["between_training_images_median"])
    return [f"{sentence}. Training images are {spacing} apart (median rms)." + about_duplicates(high)], tables


def about_duplicates(measured):
    """What is said of training images that are there more than once."""
    duplicates = measured.get("duplicate_training_images", 0)
    return f" {duplicates} training images are duplicates, and left out of the distances." if duplicates else ""


def divergences_in_the_plane(plane):
    def nats(divergence):
        if divergence == "infinite":
            return divergence
        return f"{number(divergence['nats'])} \u00b1 {number(1.96 * divergence['standard_error'])}"

    rows = [(one["architecture"], nats(one["data_to_generated"]), nats(one["generated_to_data"]),
             percent(one["share_of_data_not_generated"])) for one in plane["rows"]]
    return table(
        f"Three blobs in the plane, noise of {number(plane['noise'])} on both sides: Kullback-Leibler divergences in "
        "nats, with 95 %. Infinite: some of the data are not generated, or samples run away; a number: none of these",
        ("architecture", "data to generated", "generated to data", "data not generated"), rows)


def map_of_creativity(found):
    def with_interval(measured, shown=number):
        return interval(measured["value"], measured["interval_95"], shown)

    rows, sampled = [], []
    for one in found["architectures"]:
        if "novelty" not in one:
            ran_away = f"{one['escaped']} of {one['samples'] + one['escaped']}" if "escaped" in one else None
            rows.append((one["name"], "nothing left" if ran_away else "trained only", None, None, None, ran_away))
            continue
        sampled.append(one)
        dimension = one["intrinsic_dimension"]  # or the reason why there is none
        rows.append((one["name"], with_interval(one["memorised_fraction"], percent), with_interval(one["novelty"]),
                     with_interval(dimension) if isinstance(dimension, dict) else "undefined",
                     with_interval(one["bures_distance_per_value"]),
                     f"{one['escaped']} of {one['samples'] + one['escaped']}"))
    sentences = ["The networks have been trained; nothing has been sampled."]
    if sampled:
        novel = max(sampled, key=lambda one: one["novelty"]["value"])["name"]
        near = min(sampled, key=lambda one: one["bures_distance_per_value"]["value"])["name"]
        copied = [one["name"] for one in sampled if one["memorised_fraction"]["interval_95"][0] > 0.5]
        sentences = [f"Most novel: {novel}. Nearest to the data in mean and covariance: {near}. Mostly copies (95 % "
                     f"interval above one half): {', '.join(copied) or 'none'}."]
    tables = [table(
        "95 % intervals in brackets. Novelty: distance to the nearest training image, relative to their own spacing",
        ("architecture", "memorised", "novelty", "dimension (TwoNN)", "Bures to the data, per value", "ran away"),
        rows)]
    if "plane" in found:
        tables.append(divergences_in_the_plane(found["plane"]))
    return sentences, tables


def comparison(found):
    rows, sentences = [], []
    for network in found["networks"]:
        predictors = network.get("denoisers", [])
        for one in predictors:
            final = one["final_images"]
            # null: undefined, where the network predicts one gray
            defined = [step["r_squared_median"] for step in one["single_step"] if step["r_squared_median"] is not None]
            measures = (statistics.fmean(defined) if defined else None, final["r_squared_median"],
                        final["pearson_r_median"])
            rows.append((network["network"], one["denoiser"],
                         *("undefined" if value is None else value for value in measures),
                         " ".join(map(str, one["patch_sizes"]))))
        predictors = [one for one in predictors if one["final_images"]["r_squared_median"] is not None]
        if predictors:
            best = max(predictors, key=lambda one: one["final_images"]["r_squared_median"])
            score = best["final_images"]["r_squared_median"]
            sentences.append(f"The final images of {network['network']} are predicted best by {best['denoiser']} "
                             f"(R² = {number(score)})" + (", worse than by their mean." if score < 0 else "."))
    return [" ".join(sentences) or "The networks have been trained; nothing has been compared."], [table(
        "How much of what the network generates a closed form predicts (1: all of it); medians over trajectories. "
        "Patch sizes: of the noise levels, noisiest first",
        ("network", "predicted by", "R², single step", "R², final image", "r, final image", "patch sizes"), rows)]


def schedules(found):
    rows, best = [], {}
    for row in found["rows"]:
        steps, w2 = row["steps"], row["w2"]
        rows.append((f"N = {steps}, {row['schedule']}", w2, row["w2_from_moment_matched_noise"],
                     row["expected_w2_of_samples"], row["w2_of_samples"], row["z"], row["ratio_to_cosine"]))
        if row["rule"] == found["schedule"]["rule"] and (steps not in best or w2 < best[steps]["w2"]):
            best[steps] = row
    sentences = [f"With {steps} DDIM steps {row['schedule']} has the least W2, {number(row['ratio_to_cosine'])} of the "
                 "cosine schedule's." for steps, row in best.items()]
    z = max(abs(row["z"]) for row in found["rows"])
    sentences.append(f"Largest |z| between predicted and measured: {number(z)}.")
    tables = [table(
        "W2 between what is generated and the Gaussian of the data: from moment-matched noise it is the predicted one, "
        "to rounding; independent samples add their sampling error, which is predicted, too",
        ("steps and schedule", "predicted", "measured", "samples: predicted", "measured", "z", "/ cosine"), rows)]
    if found.get("rules"):
        least = min(found["rules"], key=lambda row: row["w2"])
        sentences.append(f"Of all rules {least['rule']} on {least['schedule']} levels is nearest to the data: W2 "
                         f"{number(least['w2'])} with {least['calls']} calls.")
        tables.append(by_calls(found["rules"], ("rule", "schedule"), "w2",
                               "W2 to the data, predicted, for so many calls of the denoiser"))
    if found.get("models"):
        tables.append(by_calls(found["models"], ("model", "contender"), "rms_difference_to_many_steps",
                               "Denoisers that are not linear: rms difference to many steps from the same noise, for so "
                               "many calls of the denoiser"))
    return [" ".join(sentences)], tables


def by_calls(rows, names, value, caption):
    """A table with a column for each number of calls; the rows are named by some of their entries."""
    calls = sorted({row["calls"] for row in rows})
    values = {}
    for row in rows:
        values.setdefault(", ".join(row[name] for name in names), {})[row["calls"]] = row[value]
    return table(caption, ("", *(str(each) for each in calls)),
                 [(name, *(of_calls.get(each) for each in calls)) for name, of_calls in values.items()])


class Section:
    """A program: what the paper claims, the pictures and their descriptions, and how to read its JSON."""

    def __init__(self, program, title, claim, pictures, read):
        self.program, self.title, self.claim, self.pictures, self.read = program, title, claim, pictures, read


LOSSES = "Training loss of each noise level against the epoch."
SECTIONS = [
    Section(
        "fig1_unet", "Figure 1: what a U-Net sees decides what it copies",
        "A convolutional denoiser knows the windows that fit its receptive field, and nothing beyond (Theorem 2). "
        "With enough pooling every pixel sees the whole image, and the U-Net returns its training images; with a "
        "smaller field, fewer channels, or circular padding, which hides the place of a pixel, it makes new "
        "images.",
        {"fig1_unet": "A row of samples for each U-Net, and below each row the nearest training images.",
         "fig1_unet_losses": LOSSES},
        networks),
    Section(
        "fig2_matching_moments", "Figure 2: equal moments, equal samples",
        "A linear denoiser generates the Gaussian with the mean and covariance of its data (Theorem 3). Two "
        "mixtures of three and of two components that agree in these moments give the same samples, which look "
        "like neither.",
        {"fig2_matching_moments":
                "Two mixtures with equal mean and covariance, and the same Gaussian generated from each."},
        fig2),
    Section(
        "fig3_polynomial_2d", "Figure 3: polynomials in the plane",
        "What the best polynomial denoiser of degree d generates depends on the moments of the data up to 2 d "
        "alone, and is claimed to be the exponential of a polynomial of degree d + 1 (Theorem 5). The first part "
        "holds; the second is false as stated, see the certificates C5: from degree 2 on the denoiser has curl, "
        "and samples may run away.",
        {"fig3_polynomial_2d":
                "Samples of polynomial denoisers of rising degree in the plane; below, denoisers that are "
                "gradients, with the density of their last level, and the curl against sigma."},
        fig3),
    Section(
        "fig4_bottleneck_2d", "Figure 4: one number in the middle, one curve in the plane",
        "A denoiser whose inner layer has h numbers generates samples on a set of h dimensions (Theorem 6): with "
        "h = 1, for three blobs in the plane, on a curve.",
        {"fig4_bottleneck_2d":
                "Training data, and the samples of bottlenecks of one and two numbers; the first lie on a "
                "polyline.",
         "fig4_bottleneck_2d_losses": LOSSES},
        fig4),
    Section(
        "fig5_linear_bottleneck", "Figure 5: linear denoisers with a bottleneck",
        "The best linear denoiser of rank K generates the Gaussian with the K leading modes of the covariance "
        "(Theorem 4): smooth images for small K, and more detail, and more noise, without a bottleneck.",
        {"fig5_linear_bottleneck":
                "Samples of linear denoisers, a row for each rank; every column starts from the same noise.",
         "fig5_spectrum": "Variance of each mode: data, predicted for these steps, and measured."},
        fig5),
    Section(
        "fig6_linear_resampled", "Figure 6: images, or Gaussian samples, are the same to a linear denoiser",
        "A linear denoiser fitted to samples of a first one sees the same two moments and generates nearly the "
        "same images, without having seen one (Theorem 3).",
        {"fig6_linear_resampled":
                "Samples of a linear denoiser fitted to the data, and of one fitted to samples; every column "
                "starts from the same noise.",
         "fig6_spectrum": "Variance of each mode, for the data and each generation, with its prediction."},
        fig6),
    Section(
        "fig7_polynomial_images", "Figure 7: polynomials of images",
        "With rising degree k (3, 9, 27 in 1024 random features) more moments of the training images shape the "
        "samples (Theorem 5), and they come nearer to single training images, which the last row shows for the "
        "largest k. The published code normalises its features, and is then no polynomial: the theorem does not "
        "cover it.",
        {"fig7_polynomial_images":
                "Samples of polynomial denoisers, a row for each degree, and the training images nearest to the "
                "last."},
        polynomials),
    Section(
        "fig8_patch_polynomial", "Figure 8: local polynomials",
        "When every pixel is predicted by a polynomial of the window around it, from the whole image at the "
        "highest noise to 3 x 3 pixels at the lowest, samples are put together from pieces of training images "
        "(Theorems 2 and 5).",
        {"fig8_patch_polynomial":
                "Samples of a local polynomial denoiser of degree 3, and the nearest training images."},
        polynomials),
    Section(
        "fig9_bottleneck_images", "Figure 9: bottlenecks on images",
        "The width h of a trained bottleneck bounds the dimension of its samples (Theorem 6): with as many numbers "
        "as training images, 1000, the paper finds copies, with 500 and 100 new images. The theorem itself promises "
        "no such thing: finitely many images lie on a curve.",
        {"fig9_bottleneck_images":
                "A row of samples for each width h, and below each row the nearest training images.",
         "fig9_bottleneck_images_losses": LOSSES},
        networks),
    Section(
        "creativity_map", "Creativity map: what every architecture makes of the same images",
        "Not a figure of the paper, its question: the architecture, not the training data alone, decides what is "
        "created. Denoisers that learn the set by heart have novelty 0; those that know two moments only are novel, "
        "but all they make is Gaussian.",
        {"creativity_map_plot":
                "Novelty against distance to the data, and copies against dimension, a cross for each "
                "architecture.",
         "creativity_map": "Samples, a row for each architecture; every column starts from the same noise.",
         "creativity_map_losses": LOSSES},
        map_of_creativity),
    Section(
        "compare_denoisers", "Closed forms as predictions of trained U-Nets",
        "Not a figure of the paper, but Theorem 2 put to the test: if the receptive field decides what a U-Net "
        "creates, the posterior mean over local patches should predict its images from the same noise, and that "
        "over whole images should not.",
        {"compare_denoisers_agreement":
                "R² of each closed form's prediction of x0 against sigma, a panel for each network.",
         "compare_denoisers": "From the same noise: samples of the networks and of the closed forms.",
         "compare_denoisers_losses": LOSSES},
        comparison),
    Section(
        "spectrum_schedules", "Schedules for a spectrum",
        "Not in the paper: Theorem 3 holds in the limit of many steps. N steps of DDIM generate too little "
        "variance, by an amount that is known for each mode, and the schedule can be chosen to lose least.",
        {"spectrum_schedules": "The schedules, and the share of each mode's variance that they keep.",
         "spectrum_schedules_samples": "Samples with each schedule; every column starts from the same noise.",
         "spectrum_schedules_rules": "W2 of every rule against the calls of the denoiser, on Karras's levels and on those "
                                     "that are optimal for the rule.",
         "spectrum_schedules_models": "The same levels on denoisers that are not linear (--models)."},
        schedules),
]

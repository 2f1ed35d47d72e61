import numpy as np
import pytest
from safetensors.numpy import load, save
from scipy.optimize import check_grad
from sklearn.linear_model import LogisticRegression

from spoken_cefr.neural_networks.ordinal import OrdinalRegression, fit_best, penalised_loss


def sample(n=400, d=4, n_classes=5, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(n, d)), random.integers(n_classes, size=n), random


def from_the_model(n, weights, cuts, seed=0):
    """Rows drawn from a cumulative logit model: a latent value with logistic noise, cut."""
    random = np.random.default_rng(seed)
    z = random.normal(size=(n, len(weights)))
    return z, np.searchsorted(cuts, z @ weights + random.logistic(size=n))


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_the_gradient_is_that_of_the_loss(n_classes):
    z, codes, random = sample(n=60, n_classes=n_classes)
    weight = random.uniform(0.5, 2.0, size=60)

    def loss(p):
        return penalised_loss(p, z, codes, weight, 0.7)[0]

    def gradient(p):
        return penalised_loss(p, z, codes, weight, 0.7)[1]

    for _ in range(5):
        point = random.normal(size=4 + n_classes - 1)
        assert check_grad(loss, gradient, point) < 1e-4 * np.linalg.norm(gradient(point))


def test_the_loss_is_minus_the_logarithm_of_the_probabilities_it_predicts():
    z, codes, _ = sample()
    model = OrdinalRegression(5, l2=0.3).fit(z, codes)
    inputs = (z - model.means) / model.scales
    free = np.concatenate([model.cuts[:1], np.log(np.diff(model.cuts))])
    loss, _ = penalised_loss(
        np.concatenate([model.weights, free]), inputs, codes, np.ones(len(z)), 0.3
    )
    given = model.predict_proba(z)[np.arange(len(z)), codes]
    assert loss == pytest.approx(-np.log(given).sum() + 0.15 * (model.weights**2).sum())


@pytest.mark.parametrize("l2", [0.1, 1.0, 20.0])
def test_with_two_classes_it_is_logistic_regression(l2):
    z, _, random = sample(n=300)
    codes = (z @ [1.0, -0.5, 0.2, 0.0] + random.logistic(size=300) > 0.4).astype(int)
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    ours = OrdinalRegression(2, l2=l2).fit(z, codes)
    reference = LogisticRegression(C=1 / l2, tol=1e-8, max_iter=1000).fit(z, codes)
    np.testing.assert_allclose(ours.weights, reference.coef_[0], atol=1e-4)
    np.testing.assert_allclose(ours.predict_proba(z), reference.predict_proba(z), atol=1e-5)


def test_it_recovers_known_weights_and_cuts():
    weights, cuts = np.array([1.5, -0.8, 0.0]), np.array([-2.0, -0.5, 0.3, 2.5])
    z, codes = from_the_model(40_000, weights, cuts)
    model = OrdinalRegression(5).fit(z, codes)
    np.testing.assert_allclose(model.weights / model.scales, weights, atol=0.05)
    np.testing.assert_allclose(
        model.cuts + model.weights @ (model.means / model.scales), cuts, atol=0.06
    )


def test_the_answer_does_not_depend_on_the_units_of_the_inputs():
    z, codes = from_the_model(500, np.array([1.0, -1.0]), np.array([-1.0, 1.0]))
    scaled = z * [1e-4, 1e5] + [3.0, -7e6]
    ours = OrdinalRegression(3).fit(z, codes).predict_proba(z)
    np.testing.assert_allclose(
        OrdinalRegression(3).fit(scaled, codes).predict_proba(scaled), ours, atol=1e-5
    )


def test_a_weight_of_two_is_the_same_as_the_row_given_twice():
    z, codes, _ = sample(n=100)
    twice = OrdinalRegression(5).fit(np.vstack([z, z]), np.concatenate([codes, codes]))
    weighted = OrdinalRegression(5).fit(z, codes, sample_weight=np.full(100, 2.0))
    np.testing.assert_allclose(weighted.predict_proba(z), twice.predict_proba(z), atol=1e-5)


def test_probabilities_add_up_and_move_one_way_with_the_direction():
    z, codes = from_the_model(500, np.array([1.0, 0.5]), np.array([-1.0, 0.0, 1.0]))
    model = OrdinalRegression(4).fit(z, codes)
    far = np.array([[-300.0, 0.0], [-3.0, 0.0], [0.0, 0.0], [3.0, 0.0], [300.0, 0.0]])
    p = model.predict_proba(far)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert (p >= 0).all() and (np.diff(p @ np.arange(4)) > 0).all()
    clipped = OrdinalRegression(4, clip=3.0).fit(z, codes).predict_proba(far)
    assert clipped[0, 0] < 0.999 < p[0, 0]


def test_a_state_that_went_through_a_file_predicts_the_same():
    z, codes, _ = sample()
    model = OrdinalRegression(5, clip=2.0).fit(z, codes)
    again = OrdinalRegression.from_state(load(save(model.state())), n_classes=5)
    np.testing.assert_array_equal(again.predict_proba(z), model.predict_proba(z))


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state.pop("cuts"),
        lambda state: state.update(weights=state["weights"][:2]),
        lambda state: state.update(cuts=state["cuts"][::-1]),
        lambda state: state.update(cuts=state["cuts"][1:]),
        lambda state: state.update(seen=state["seen"] + 1),
        lambda state: state.update(medians=np.full(4, np.nan)),
    ],
)
def test_a_damaged_state_is_refused(damage):
    z, codes, _ = sample()
    state = OrdinalRegression(5).fit(z, codes).state()
    damage(state)
    with pytest.raises((KeyError, ValueError)):
        OrdinalRegression.from_state(state, n_classes=5)


def test_what_is_not_defined_counts_as_the_median_of_the_training_rows():
    z, codes = from_the_model(200, np.array([1.0, -1.0]), np.array([-1.0, 1.0]))
    z[::5, 1] = np.nan
    filled = np.where(np.isnan(z), np.nanmedian(z, axis=0), z)
    ours, reference = (OrdinalRegression(3).fit(rows, codes) for rows in (z, filled))
    np.testing.assert_array_equal(ours.predict_proba(z), reference.predict_proba(filled))
    never = np.hstack([z, np.full((200, 1), np.nan)])  # a measure that no recording has
    p = OrdinalRegression(3).fit(never, codes).predict_proba(never)
    np.testing.assert_allclose(p, ours.predict_proba(z), atol=1e-6)


def test_a_class_that_was_not_learned_is_never_answered():
    z, codes, _ = sample()
    kept = codes != 2
    p = OrdinalRegression(5).fit(z[kept], codes[kept]).predict_proba(z)
    compact = OrdinalRegression(4).fit(z[kept], codes[kept] - (codes[kept] > 2)).predict_proba(z)
    assert (p[:, 2] == 0).all()
    np.testing.assert_array_equal(p[:, [0, 1, 3, 4]], compact)


def test_the_penalty_is_the_one_that_validates_best_and_the_stronger_one_in_a_tie():
    z, codes = from_the_model(60, np.array([4.0]), np.array([-1.0, 1.0]))
    top = np.array([[9.0]]), np.array([2])  # right whatever the penalty
    strong = fit_best(z, codes, n_classes=3, validation=top)
    best = fit_best(z, codes, n_classes=3, validation=(z, codes))
    accuracies = [(m.predict_proba(z).argmax(axis=1) == codes).mean() for m in (strong, best)]
    assert strong.l2 == 100.0
    assert accuracies[1] >= accuracies[0]


def test_what_cannot_be_learned_from_is_said():
    z, codes, _ = sample()
    infinite = z.copy()
    infinite[7, 2] = np.inf
    for inputs, targets, n_classes in (
        (z, np.zeros(len(z), dtype=int), 5),
        (z, codes, 4),
        (infinite, codes, 5),
        (z, codes[1:], 5),
    ):
        with pytest.raises(ValueError):
            OrdinalRegression(n_classes).fit(inputs, targets)

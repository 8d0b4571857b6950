/** A stated goal beside the figure that was measured; `where` names what the figure is of, when several have the goal. */
const goal = (goal, figure, met, where) => ({ goal, ...(where && { where }), figure, met });

export const exactly = (what, value, figure, where) => goal(`${what}: ${value}`, figure, figure === value, where);

export const atMost = (what, limit, unit, figure, where) =>
  goal(`${what}: at most ${limit} ${unit}`, figure, figure !== null && figure <= limit, where);

export const below = (what, limit, unit, figure, where) =>
  goal(`${what}: below ${limit} ${unit}`, figure, figure !== null && figure < limit, where);

export const atLeast = (what, limit, unit, figure, where) =>
  goal(`${what}: at least ${limit} ${unit}`, figure, figure !== null && figure >= limit, where);

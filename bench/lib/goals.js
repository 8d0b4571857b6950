/** A stated goal beside the figure that was measured. */
export function goal(text, figure, met) {
  return { goal: text, figure, met };
}

export const zero = (text, figure) => goal(`${text}: 0`, figure, figure === 0);

export const atMost = (text, limit, figure, unit) =>
  goal(`${text}: at most ${limit} ${unit}`, figure, figure !== null && figure <= limit);

export const below = (text, limit, figure, unit) =>
  goal(`${text}: below ${limit} ${unit}`, figure, figure !== null && figure < limit);

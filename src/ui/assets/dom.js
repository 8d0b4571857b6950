/** An element with attributes (undefined and false: none; true: empty) and content. */
export function h(name, attributes = {}, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...content.flat().filter((part) => part !== undefined && part !== false && part !== ''));
  return made;
}

export const byId = (id) => document.getElementById(id);

/** Changes the text only when it is another one, so that a screen reader does not tell it again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

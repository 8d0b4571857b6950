/** The directives that rule what a script may be loaded from, and what it may connect to: the first that is there does. */
const SCRIPTS = ['script-src-elem', 'script-src', 'default-src'];
const CONNECTIONS = ['connect-src', 'default-src'];

const NONCE = /^'nonce-([\w+/=-]+)'$/i;

/** A Content-Security-Policy, or several separated by commas, with one more origin for scripts and their connections. */
export function allowOrigin(policies: string, origin: string): string {
  return policies
    .split(',')
    .map((policy) => [SCRIPTS, CONNECTIONS].reduce((changed, names) => allow(changed, names, origin), policy))
    .join(',');
}

/** What a script needs where not its origin counts; undefined: the policies name none. */
export function nonceOf(policies: string): string | undefined {
  const directives = policies.split(',').flatMap((policy) => ruling(directivesOf(policy), SCRIPTS) ?? []);
  return directives.flatMap((directive) => NONCE.exec(directive)?.[1] ?? [])[0];
}

function allow(policy: string, names: string[], origin: string): string {
  const directives = directivesOf(policy);
  const directive = ruling(directives, names);
  if (!directive) return policy;
  const [name = '', ...sources] = directive;
  const allowed = [...sources.filter((source) => source.toLowerCase() !== "'none'"), origin];
  // What else default-src rules stays as it is.
  if (name.toLowerCase() === 'default-src') directives.push([names.at(-2) as string, ...allowed]);
  else directive.splice(1, Infinity, ...allowed);
  return directives.map((words) => words.join(' ')).join('; ');
}

function directivesOf(policy: string): string[][] {
  const directives = policy.split(';').map((directive) => directive.trim());
  return directives.filter((directive) => directive !== '').map((directive) => directive.split(/\s+/));
}

/** Of two of a name the first counts. */
function ruling(directives: string[][], names: string[]): string[] | undefined {
  for (const name of names) {
    const found = directives.find(([word]) => word?.toLowerCase() === name);
    if (found) return found;
  }
  return undefined;
}

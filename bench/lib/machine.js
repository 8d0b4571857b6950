import os from 'node:os';

/** What the figures depend on. */
export function machine() {
  const [cpu] = os.cpus();
  return {
    cpu: cpu?.model.trim() || process.arch,
    cores: os.availableParallelism(),
    memoryGB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release().split(/[.-]/).slice(0, 2).join('.')}`,
    node: process.versions.node,
  };
}

export function describeMachine({ cpu, cores, memoryGB, system, node }) {
  return `${cpu}, ${cores} cores, ${memoryGB} GB, ${system}, Node.js ${node}`;
}

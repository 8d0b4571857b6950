import module from 'node:module';
import { SWC_NODE } from '../typescript-loaders.ts';
import { loadedFirst } from './standby/loaded-first.ts';

interface SourceMapsSupport {
  /** From Node 22.14 on. */
  setSourceMapsSupport?: (enabled: boolean, options: { nodeModules: boolean }) => void;
}

/** @swc-node/register leaves its maps to Node, which applies them when it is told to. tsx and ts-node see to that themselves. */
export function applySourceMaps(): void {
  if (!loadedFirst().some((name) => SWC_NODE.test(name))) return;
  const { setSourceMapsSupport } = module as SourceMapsSupport;
  if (setSourceMapsSupport) setSourceMapsSupport(true, { nodeModules: false });
  else process.setSourceMapsEnabled(true);
}

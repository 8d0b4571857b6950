import { HandoverError } from '../errors.ts';

/** The kinds of parts in which a value travels. */
const VALUE = 0;
/** A container begins: its kind, and its key in the container around it. */
const OPEN = 1;
/** Items of the container that is open; keys and values in turn when it has keys. */
const ITEMS = 2;
const CLOSE = 3;

/** Bytes of a part. The kernel takes so many at once, and they are packed in less than a millisecond. */
const PART = 128 * 1024;
/** A smaller value travels as one part. */
const SMALLEST_SPLIT = 2 * PART;
/** A container inside of another with so many items is opened itself. */
const MANY = 1000;
/** An object is opened when it is one of so few. */
const FEW = 100;
const DEEPEST_OPEN = 4;

const FIRST_BATCH = 32;

type Container = Map<unknown, unknown> | Set<unknown> | unknown[] | Record<string, unknown>;
const CONTAINERS = ['Map', 'Set', 'Array', 'Object'] as const;
type ContainerName = (typeof CONTAINERS)[number];

/** Takes a part. The bytes are to be used at once: they may be overwritten afterwards. */
export type EmitPart = (kind: number, bytes: Uint8Array) => void;

const NOTHING = new Uint8Array(0);

/**
 * Cuts a value into parts that are packed one by one, so that the first is unpacked elsewhere while the last is packed.
 * Only for a tree: what is reached in two ways must not lie in two parts.
 */
export class PartWriter {
  readonly #pack: (value: unknown) => Uint8Array;
  readonly #emit: EmitPart;
  #batch: unknown[] = [];
  #batchLimit = FIRST_BATCH;

  constructor(pack: (value: unknown) => Uint8Array, emit: EmitPart) {
    this.#pack = pack;
    this.#emit = emit;
  }

  /** `size`: bytes that the value takes, roughly; `isTree`: no object in it is reached in two ways. */
  write(value: unknown, { isTree, size }: { isTree: boolean; size: number }): void {
    if (isTree && size >= SMALLEST_SPLIT && containerName(value)) this.#writeContainer(value as Container, null, 0);
    else this.#emit(VALUE, this.#pack(value));
  }

  #writeContainer(container: Container, key: unknown, depth: number): void {
    this.#flush();
    const name = containerName(container) as ContainerName;
    this.#emit(OPEN, this.#pack([CONTAINERS.indexOf(name), key]));
    if (container instanceof Map) {
      const isFew = container.size <= FEW;
      for (const [key, item] of container) this.#add(item, key, true, isFew, depth);
    } else if (container instanceof Set || Array.isArray(container)) {
      const isFew = (Array.isArray(container) ? container.length : container.size) <= FEW;
      for (const item of container) this.#add(item, null, false, isFew, depth);
    } else {
      const keys = Object.keys(container);
      for (const key of keys) this.#add(container[key], key, true, keys.length <= FEW, depth);
    }
    this.#flush();
    this.#emit(CLOSE, NOTHING);
  }

  #add(item: unknown, key: unknown, hasKey: boolean, isOneOfFew: boolean, depth: number): void {
    if (typeof item === 'object' && depth < DEEPEST_OPEN && isOpened(item, isOneOfFew)) {
      this.#writeContainer(item as Container, key, depth + 1);
      return;
    }
    if (hasKey) this.#batch.push(key);
    this.#batch.push(item);
    if (this.#batch.length >= this.#batchLimit) this.#flush();
  }

  #flush(): void {
    const { length } = this.#batch;
    if (length === 0) return;
    const bytes = this.#pack(this.#batch);
    this.#batch = [];
    this.#emit(ITEMS, bytes);
    // So that the next one has about the right size.
    const fitting = Math.round((length * PART) / Math.max(1, bytes.length));
    this.#batchLimit = Math.max(2, Math.min(fitting, this.#batchLimit * 4));
  }
}

function isOpened(item: object | null, isOneOfFew: boolean): boolean {
  switch (containerName(item)) {
    case 'Map':
    case 'Set':
      return (item as Set<unknown>).size >= MANY;
    case 'Array':
      return (item as unknown[]).length >= MANY;
    case 'Object':
      return isOneOfFew;
    default:
      return false;
  }
}

function containerName(value: unknown): ContainerName | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  switch (Object.getPrototypeOf(value)) {
    case Map.prototype:
      return 'Map';
    case Set.prototype:
      return 'Set';
    case Array.prototype:
      return 'Array';
    case Object.prototype:
      return 'Object';
    default:
      return undefined;
  }
}

/** Puts a value together again from its parts. */
export class PartReader {
  readonly #unpack: (bytes: Uint8Array) => unknown;
  readonly #open: Container[] = [];
  #root: unknown;
  #isWhole = false;

  constructor(unpack: (bytes: Uint8Array) => unknown) {
    this.#unpack = unpack;
  }

  /** Throws HandoverError STATE_REJECTED, or what unpacking throws. */
  read(kind: number, bytes: Uint8Array): void {
    const around = this.#open.at(-1);
    if (this.#isWhole) throw wrongOrder();
    switch (kind) {
      case VALUE:
        this.#root = this.#unpack(bytes);
        this.#isWhole = true;
        break;
      case OPEN: {
        const [name, key] = this.#unpack(bytes) as [number, unknown];
        const container = create(CONTAINERS[name]);
        if (around) addItems(around, hasKeys(around) ? [key, container] : [container]);
        else this.#root = container;
        this.#open.push(container);
        break;
      }
      case ITEMS:
        if (!around) throw wrongOrder();
        addItems(around, this.#unpack(bytes) as unknown[]);
        break;
      case CLOSE:
        this.#open.pop();
        this.#isWhole = this.#open.length === 0;
        break;
      default:
        throw new HandoverError('STATE_REJECTED', `the state has a part of kind ${kind}, which is unknown`);
    }
  }

  /** The value. Throws HandoverError STATE_REJECTED when parts are missing. */
  get value(): unknown {
    if (!this.#isWhole) throw wrongOrder();
    return this.#root;
  }
}

function create(name: ContainerName | undefined): Container {
  switch (name) {
    case 'Map':
      return new Map();
    case 'Set':
      return new Set();
    case 'Array':
      return [];
    case 'Object':
      return {};
    case undefined:
      throw new HandoverError('STATE_REJECTED', 'the state has a container of an unknown kind');
    default:
      return name satisfies never;
  }
}

function hasKeys(container: Container): boolean {
  return container instanceof Map || !(container instanceof Set || Array.isArray(container));
}

function addItems(container: Container, items: unknown[]): void {
  if (container instanceof Map) {
    for (let at = 0; at < items.length; at += 2) container.set(items[at], items[at + 1]);
  } else if (container instanceof Set) {
    for (const item of items) container.add(item);
  } else if (Array.isArray(container)) {
    for (const item of items) container.push(item);
  } else {
    for (let at = 0; at < items.length; at += 2) container[items[at] as string] = items[at + 1];
  }
}

function wrongOrder(): HandoverError {
  return new HandoverError('STATE_REJECTED', 'the state has parts in a wrong order, or not all of them');
}

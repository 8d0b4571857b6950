/**
 * The one place that knows msgpackr. The build puts it in here: each app has its own, so that ours must not share buffers
 * and extensions with it, and its native part, which this does not use, need not be installed.
 */
export { addExtension, Packr } from 'msgpackr/pack';

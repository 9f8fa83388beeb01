import type { World } from '../../../bus/world.ts';
import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { createInformer, type Informer } from '../../../actors/runtime/informer.ts';
import { nodes } from '../../../actors/runtime/resources.ts';

/** Hears of the node of a name, from now on; ends with what is returned. */
export type WatchNode = (name: string, see: (node: Node) => void) => () => void;

/** A watch of one node alone, as a node's own rights allow it. */
export const watchOwn = ({ client, world }: { readonly client: ApiClient; readonly world: World }): WatchNode =>
  (name, see) => {
    const informer = createInformer<Node>({ client, world, gvr: nodes, selection: { fieldSelector: `metadata.name=${name}` } });
    informer.on({ add: see, update: see });
    return () => informer.stop();
  }; // prettier-ignore

/**
 * One watch for many nodes of a process, for who may read all: a watch each would take a hundred times the memory that the
 * nodes themselves do. It is there while anybody listens.
 */
export function watchTogether({ client, world }: { readonly client: ApiClient; readonly world: World }): WatchNode {
  const listeners = new Map<string, (node: Node) => void>();
  let informer: Informer<Node> | undefined;
  /** Of others' nodes nothing but that they are there is kept. */
  const transform = (node: Node): Node => {
    if (listeners.has(node.metadata.name ?? '')) return node;
    const { name = '', uid, resourceVersion } = node.metadata;
    return { apiVersion: 'v1', kind: 'Node', metadata: { name, ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) } }; // prettier-ignore
  };
  const tell = (node: Node): void => listeners.get(node.metadata.name ?? '')?.(node);
  return (name, see) => {
    listeners.set(name, see);
    if (informer === undefined) {
      informer = createInformer<Node>({ client, world, gvr: nodes, transform });
      informer.on({ add: tell, update: tell });
    } else {
      const known = informer.get(name);
      if (known?.status !== undefined) see(known);
    }
    return () => {
      if (listeners.get(name) === see) listeners.delete(name);
      if (listeners.size > 0) return;
      informer?.stop();
      informer = undefined;
    };
  };
}

import type { DeviceClass } from '../../../../schemas/generated/resource-v1.ts';
import { resourceOfClass } from './view.ts';

/**
 * The class that stands for each resource: by its own name, or by the one that it names; where two name the same the newer
 * one does. Source: dynamic-resource-allocation deviceclass/extendedresourcecache.
 */
export function classesByResource(classes: Iterable<DeviceClass>): ReadonlyMap<string, DeviceClass> {
  const by = new Map<string, DeviceClass>();
  for (const one of classes) {
    by.set(resourceOfClass(one.metadata.name!), one);
    const name = one.spec.extendedResourceName;
    if (name === undefined) continue;
    const other = by.get(name);
    if (other === undefined || precedes(one, other)) by.set(name, one);
  }
  return by;
}
function precedes(a: DeviceClass, b: DeviceClass): boolean {
  const [x, y] = [Date.parse(a.metadata.creationTimestamp ?? ''), Date.parse(b.metadata.creationTimestamp ?? '')];
  return x === y || Number.isNaN(x - y) ? a.metadata.name! < b.metadata.name! : x > y;
}

import type { World } from '../../bus/world.ts';
import type { Fence } from '../../bus/protocol/api.ts';
import type { Ingress, IngressClass, IngressLoadBalancerIngress } from '../../schemas/generated/networking-v1.ts';
import { keyOf } from '../../schemas/meta/object.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { startController } from '../runtime/controller.ts';
import type { EventRecorder } from '../runtime/events.ts';
import type { Informer } from '../runtime/informer.ts';
import type { Inspection } from '../runtime/inspection.ts';
import { source } from '../runtime/source.ts';
import { missingClass, reconcile, type Problem } from './reconcile.ts';
import { claim } from './routing/classes.ts';
import type { Certificates } from './tls/certificates.ts';

export interface Telling {
  activate(): void;
  deactivate(): void;
  /** The certificate in a Secret, `namespace/name`, has changed, or cannot be used any more. */
  certificate(secret: string): void;
  stop(): Promise<void>;
}
/** The key of what is of no Ingress: the class. No Ingress has one without a namespace. */
const CLASS_KEY = 'class';

/** What the elected replica writes: the class, and of each Ingress where it is served and what is wrong with it. */
export function startTelling(o: {
  readonly world: World;
  readonly id: string;
  readonly client: ApiClient;
  readonly recorder: EventRecorder;
  readonly inspection: Inspection | undefined;
  readonly rules: Informer<Ingress>;
  readonly classes: Informer<IngressClass>;
  readonly certificates: Certificates;
  readonly address: () => readonly IngressLoadBalancerIngress[];
  readonly fence: () => Fence | undefined;
}): Telling {
  const { rules, classes, certificates } = o;
  /** By uid: the generation that was told of, and the problems. */
  const told = new Map<string, { readonly generation: number; readonly problems: string }>();
  rules.on({ delete: ({ metadata }) => told.delete(metadata.uid ?? '') });

  const problemsOf = ({ metadata, spec }: Ingress): Problem[] =>
    [...new Set((spec?.tls ?? []).flatMap(({ secretName }) => secretName || []))].flatMap(
      (name) => certificates.problemOf(`${metadata.namespace}/${name}`) ?? [],
    );
  const controller = startController({
    name: 'ingress',
    id: o.id,
    world: o.world,
    client: o.client,
    recorder: o.recorder,
    inspection: o.inspection,
    fence: o.fence,
    active: false,
    sources: [
      source(rules, (ingress) => [keyOf(ingress)]),
      source(classes, () => [CLASS_KEY, ...[...rules.all()].map(keyOf)]),
    ],
    onActive: (enqueue) => enqueue(CLASS_KEY),
    async sync({ key, execute }) {
      if (key === CLASS_KEY) {
        const intent = missingClass([...classes.all()]);
        return execute(intent === undefined ? [] : [intent]);
      }
      const ingress = rules.get(key);
      const address = o.address();
      if (ingress === undefined || address.length === 0) return;
      const { uid = '', generation = 0 } = ingress.metadata;
      const before = told.get(uid);
      const problems = problemsOf(ingress);
      const text = JSON.stringify(problems);
      const isOurs = claim(classes.all())(ingress);
      const isNews = before?.generation !== generation;
      const { intents } = reconcile({ ingress, isOurs, isNews, address, problems: before?.problems === text ? [] : problems }); // prettier-ignore
      await execute(intents);
      if (isOurs) told.set(uid, { generation, problems: text });
    },
  });
  return {
    activate: () => controller.activate(),
    deactivate: () => controller.deactivate(),
    certificate(secret) {
      const [namespace, name] = secret.split('/');
      for (const { metadata, spec } of rules.all())
        if (metadata.namespace === namespace && spec?.tls?.some((one) => one.secretName === name))
          controller.enqueue(`${namespace}/${metadata.name}`);
    },
    stop: () => controller.stop(),
  };
}

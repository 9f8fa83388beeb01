import { describe, expect, it } from 'vitest';
import golden from './testdata/coredns.golden.json' with { type: 'json' };
import { serverOf } from './testing/harness.ts';
import { QUESTIONS } from './testing/objects.ts';
import { question } from './testing/packets.ts';
import { told } from './testing/told.ts';

/** What CoreDNS 1.12.4 said of the same objects, recorded by ops/conformance/dns/record.ts. */
const recorded = golden as Readonly<Record<string, string>>;
const SOA = 'authority cluster.local. 30 SOA ns.dns.cluster.local. hostmaster.cluster.local. N 7200 1800 86400 30';
/**
 * Where we say something else. What is not there has no zone of its own either. That a name has no text does not mean that it is not there: who remembers that of the domain
 * itself knows none of its names any more. And the recording server, not being a pod, had no service that it is found by.
 */
const OTHERWISE: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['', 'svc.', 'pod.', 'shop.svc.', 'empty.svc.', 'shop.pod.', 'ns.dns.'].map((name) => {
      return [`${name}cluster.local TXT`, `NOERROR aa\n${SOA}`];
    }),
  ),
  'nothing.shop.svc.cluster.local SOA': `NXDOMAIN aa\n${SOA}`,
  'ns.dns.cluster.local A': 'NOERROR aa\nns.dns.cluster.local. 30 A 10.96.0.10',
  'cluster.local NS':
    'NOERROR aa\ncluster.local. 30 NS kube-dns.kube-system.svc.cluster.local.\nadditional kube-dns.kube-system.svc.cluster.local. 30 A 10.96.0.10',
};

describe('answers as CoreDNS with the configuration of kubeadm', () => {
  const { serve } = serverOf();
  it('was asked all questions', () => expect(Object.keys(recorded).toSorted()).toEqual([...QUESTIONS].toSorted()));
  it.each(QUESTIONS)('%s', (asked) => {
    const [name = '', type = ''] = asked.split(' ');
    expect(told(serve(question(name, type, { edns: 4096 }), 'udp') as Buffer)).toBe(
      OTHERWISE[asked] ?? recorded[asked],
    );
  });
});

import type { World } from '../../bus/world.ts';
import type { Answers } from './answering/answers.ts';
import type { Cached } from './forward/cache.ts';
import type { Forwarder } from './forward/forwarder.ts';
import { relay } from './forward/relay.ts';
import type { DnsMetrics } from './metrics.ts';
import { CLASS_IN, FLAG, HEADER_BYTES, MAX_BYTES, RCODE, TYPE } from './wire/codes.ts';
import { encode } from './wire/encode.ts';
import { addressesIn } from './wire/message.ts';
import { readQuery, udpLimit, type Query } from './wire/query.ts';
import { bare, type DnsRecord } from './wire/record.ts';
import { badVersion, refusal, respond } from './wire/respond.ts';

export type Via = 'udp' | 'tcp';
/** Packets in, packets out; nothing it is given makes it throw or reject. undefined: no answer is due. */
export type Serve = (packet: Buffer, via: Via) => Buffer | undefined | Promise<Buffer | undefined>;

/** Seconds that an alias says of what others answer to it. */
const MAX_TTL = 30;

export function createServer(o: {
  readonly world: Pick<World, 'clock' | 'log'>;
  readonly answers: Answers;
  readonly forwarder: Forwarder;
  readonly metrics: DnsMetrics;
  /** False: what the cluster's names stand for is not known yet. */
  readonly isSynced: () => boolean;
}): Serve {
  const { answers, forwarder, metrics, isSynced } = o;
  const now = o.world.clock.elapsed ?? (() => o.world.clock.now());

  function serve(packet: Buffer, via: Via): Buffer | undefined | Promise<Buffer | undefined> {
    const since = now();
    const query = readQuery(packet);
    if (query === undefined) return undefined;
    if (typeof query === 'number') return told(refusal(packet, query), undefined, via, since);
    if (query.edns !== undefined && query.edns.version !== 0) return told(badVersion(query), query, via, since);
    const limit = via === 'udp' ? udpLimit(query) : MAX_BYTES;
    if (query.class !== CLASS_IN) return told(respond(plain(query, RCODE.REFUSED), query, limit), query, via, since);
    if (forwarder.isProbe(query.key)) return undefined;
    const local = answers.of(query);
    if (local !== 'elsewhere' && !isSynced())
      return told(respond(plain(query, RCODE.SERVFAIL), query, limit), query, via, since);
    if (typeof local !== 'string' && 'bytes' in local) return told(respond(local, query, limit), query, via, since);
    return told(local === 'elsewhere' ? forward(query, limit) : follow(query, local, limit), query, via, since);
  }
  function told(
    out: Buffer | Promise<Buffer>,
    query: Query | undefined,
    via: Via,
    since: number,
  ): Buffer | Promise<Buffer> {
    if (out instanceof Promise)
      return out.then((bytes) => {
        metrics.answered(via, query?.type, bytes, now() - since);
        return bytes;
      });
    metrics.answered(via, query?.type, out, now() - since);
    return out;
  }
  const askedOf = ({ packet, edns }: Query, key: string) => ({
    key,
    dnssecOk: edns?.dnssecOk === true,
    checkingDisabled: (packet[3]! & FLAG.CD) !== 0,
  });
  function forward(query: Query, limit: number): Buffer | Promise<Buffer> {
    // Zones are not handed on.
    if (query.type === TYPE.AXFR || query.type === TYPE.IXFR) return respond(plain(query, RCODE.REFUSED), query, limit);
    const given = (answer: Cached | number): Buffer =>
      typeof answer === 'number'
        ? respond(plain(query, answer), query, limit)
        : relay(answer.message, query, limit, forwarder.ageOf(answer));
    const answer = forwarder.ask(askedOf(query, query.key));
    return answer instanceof Promise ? answer.then(given) : given(answer);
  }
  /** A service that is a name of others: told with what they say of it. */
  async function follow(
    query: Query,
    { records, target, denial }: Exclude<ReturnType<Answers['of']>, string | { readonly bytes: Buffer }>,
    limit: number,
  ): Promise<Buffer> {
    const question = query.packet.subarray(HEADER_BYTES, query.questionEnd);
    const name = target.map((label) => String.fromCharCode(label.length) + label).join('');
    const answer = await forwarder.ask(askedOf(query, `${name}\0${query.key.slice(-2)}`));
    const isKnown = typeof answer !== 'number' && answer.message.rcode !== RCODE.SERVFAIL;
    if (!isKnown) return respond(encode(question, denial, true), query, limit);
    const age = forwarder.ageOf(answer);
    const more = addressesIn(answer.message).map((r): DnsRecord => {
      return { ...r, ttl: Math.max(0, Math.min(r.ttl, MAX_TTL) - age) };
    });
    const whole = { ...bare(RCODE.NOERROR), authoritative: true, answers: [...records, ...more] };
    return respond(encode(question, whole, true), query, limit);
  }
  const plain = ({ packet, questionEnd }: Query, rcode: number) =>
    encode(packet.subarray(HEADER_BYTES, questionEnd), bare(rcode), true);

  return (packet, via) => {
    try {
      return serve(packet, via);
    } catch (err) {
      // A mistake of ours, and no reason to answer nobody else.
      o.world.log.error('a question could not be answered', { err, packet: packet.toString('base64').slice(0, 400) });
      metrics.panicked();
      return packet.length < HEADER_BYTES ? undefined : refusal(packet, RCODE.SERVFAIL);
    }
  };
}

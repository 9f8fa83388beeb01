/** As much of nftables as transactions here speak of; refuses what the kernel would refuse. */
export class NftModel {
  readonly chains = new Map<string, string[]>();
  /** Sets and maps: what stands at each key. */
  readonly containers = new Map<string, { readonly options: string; readonly elements: Map<string, string> }>();

  /** All of it or nothing. Throws an Error that names the line. */
  apply(transaction: string): void {
    for (const line of transaction.split('\n').filter(Boolean)) {
      const [, verb = '', kind = '', name = '', rest = ''] =
        /^(add|delete|flush) (table|chain|rule|set|map|element) ip6? kube-proxy ?(\S*) ?(.*)$/.exec(line) ?? [];
      const refuse = (why: string): never => {
        throw new Error(`${why}: ${line}`);
      };
      if (kind === 'chain') this.#chain(verb, name, refuse);
      else if (kind === 'rule') {
        for (const [, to] of rest.matchAll(/(?:goto|jump) (\S+)/g))
          if (!this.chains.has(to!.replace(/,$/, ''))) refuse('no chain');
        for (const [, set] of rest.matchAll(/@(\S+)/g)) if (!this.containers.has(set!)) refuse('no set');
        (this.chains.get(name) ?? refuse('no chain')).push(rest);
      } else if (kind === 'element') {
        const { elements } = this.containers.get(name) ?? refuse('no set');
        for (const one of rest.slice(2, -2).split(', ')) this.#element(verb, elements, one, refuse);
      } else if (kind !== 'table') this.#container(verb, name, rest, refuse);
    }
  }
  #chain(verb: string, name: string, refuse: (why: string) => never): void {
    if (verb === 'add') this.chains.set(name, this.chains.get(name) ?? []);
    else if (!this.chains.has(name)) refuse('no chain');
    else if (verb === 'flush') this.chains.set(name, []);
    else {
      if (this.#isNamed(`goto ${name}`)) refuse('chain in use');
      this.chains.delete(name);
    }
  }
  #container(verb: string, name: string, options: string, refuse: (why: string) => never): void {
    const known = this.containers.get(name);
    if (verb === 'add') {
      if (known !== undefined && known.options !== options) refuse('another set of that name');
      if (known === undefined) this.containers.set(name, { options, elements: new Map() });
    } else if (known === undefined) refuse('no set');
    else if (verb === 'flush') known.elements.clear();
    else {
      if (this.#isNamed(`@${name}`)) refuse('set in use');
      this.containers.delete(name);
    }
  }
  #element(verb: string, elements: Map<string, string>, text: string, refuse: (why: string) => never): void {
    const [, key = '', value = ''] = /^(.*?)((?: comment ".*")?(?: : .*)?)$/.exec(text) ?? [];
    if (verb === 'delete') return void (elements.delete(key) || refuse('no element'));
    const to = /goto (\S+)$/.exec(value)?.[1];
    if (to !== undefined && !this.chains.has(to)) refuse('no chain');
    if (elements.has(key) && elements.get(key) !== value) refuse('another element');
    elements.set(key, value);
  }
  #isNamed(what: string): boolean {
    const ends = (text: string): boolean => text.includes(`${what} `) || text.includes(`${what},`) || text.endsWith(what);
    for (const rules of this.chains.values()) if (rules.some(ends)) return true;
    for (const { elements } of this.containers.values()) for (const value of elements.values()) if (ends(value)) return true;
    return false;
  } // prettier-ignore
  /** Without chains of Services that are empty: they wait to be taken away. */
  contents() {
    const chains = [...this.chains].filter(([name, rules]) => !name.includes('/') || rules.length > 0);
    return {
      chains: Object.fromEntries(chains.toSorted(([a], [b]) => (a < b ? -1 : 1))),
      containers: Object.fromEntries(
        [...this.containers]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, { options, elements }]) => [name, [options, Object.fromEntries([...elements].toSorted(([a], [b]) => (a < b ? -1 : 1)))]]),
      ),
    }; // prettier-ignore
  }
}

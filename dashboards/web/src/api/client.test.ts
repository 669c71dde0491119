import { afterEach, describe, expect, it, vi } from 'vitest';
import { getAll, getJson, PAGES_MAX, Problem } from './client';

const answer = (body: unknown, status = 200): Response => new Response(JSON.stringify(body), { status });

afterEach(() => vi.unstubAllGlobals());

describe('the client', () => {
  it('turns a refusal into what a person can read', async () => {
    vi.stubGlobal('fetch', async () => answer({ title: 'unknown level', detail: 'there is no level `x`', allowed: ['thing'] }, 400));
    await expect(getJson('/api/v1/areas')).rejects.toMatchObject({ status: 400, detail: 'there is no level `x`', allowed: ['thing'] });
  });

  it('says that nothing answered, and keeps an abort an abort', async () => {
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('failed');
    });
    await expect(getJson('/x')).rejects.toMatchObject({ status: 0 });
    await expect(getJson('/x')).rejects.toBeInstanceOf(Problem);
    vi.stubGlobal('fetch', async () => {
      throw new DOMException('stop', 'AbortError');
    });
    await expect(getJson('/x')).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('reads a refusal that is no JSON', async () => {
    vi.stubGlobal('fetch', async () => new Response('bad gateway', { status: 502, statusText: 'Bad Gateway' }));
    await expect(getJson('/x')).rejects.toMatchObject({ status: 502, title: 'Bad Gateway' });
  });

  it('follows pages, and says when a list was cut', async () => {
    const asked: string[] = [];
    vi.stubGlobal('fetch', async (at: string) => {
      asked.push(at);
      const page = asked.length;
      return answer({ items: [page], next: page < 3 ? `http://inner:9/api/v1/things?cursor=${page}` : undefined });
    });
    await expect(getAll('/api/v1/things')).resolves.toMatchObject({ items: [1, 2, 3], isCut: false });
    expect(asked).toEqual(['/api/v1/things', '/api/v1/things?cursor=1', '/api/v1/things?cursor=2']);
    vi.stubGlobal('fetch', async () => answer({ items: [0], next: '/api/v1/things?cursor=again' }));
    const cut = await getAll<{ items: number[] }>('/api/v1/things');
    expect(cut.items).toHaveLength(PAGES_MAX);
    expect(cut.isCut).toBe(true);
  });
});

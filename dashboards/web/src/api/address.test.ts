import { describe, expect, it } from 'vitest';
import { address, inFormat, onOwnOrigin, productAddress } from './address';

describe('addresses', () => {
  it('leave absent members out and keep ids legible', () => {
    expect(productAddress('parking_now', { area: null, thing: 'prato:lot-1', level: 'thing', bucket: '' })).toBe('/api/v1/products/parking_now?thing=prato:lot-1&level=thing');
    expect(address('/areas')).toBe('/api/v1/areas');
    expect(address('/things', { area: 'a b&c' })).toBe('/api/v1/things?area=a%20b%26c');
  });

  it('ask the same question in another format', () => {
    const asked = productAddress('wifi_usage', { area: 'it-mun-100005', from: '2026-05-01T00:00:00Z' });
    expect(inFormat(asked, 'csv')).toBe(`${asked}&format=csv`);
    expect(inFormat(inFormat(asked, 'csv'), 'json')).toBe(asked);
    expect(inFormat('/api/v1/areas', 'csv')).toBe('/api/v1/areas?format=csv');
  });

  it('follow the next page on the own origin alone', () => {
    expect(onOwnOrigin('https://elsewhere.example/api/v1/things?cursor=a%3Ab&limit=2')).toBe('/api/v1/things?cursor=a%3Ab&limit=2');
    expect(onOwnOrigin('/api/v1/things?cursor=x')).toBe('/api/v1/things?cursor=x');
  });
});

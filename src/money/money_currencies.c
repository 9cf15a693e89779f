/* Decimal places of the currencies in use: ISO 4217, list one. */
#include <farmcore/money.h>
#include <string.h>

/* Those of each number of places, in no order that matters. What has no smaller unit is not here:
 * metals, bonds, XTS, XDR and the like. */
static const struct {
    int32_t scale;
    const char *codes;
} currencies[] = {
    {0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF "},
    {2, "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN "
        "BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD "
        "FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW "
        "KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR "
        "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG "
        "SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD "
        "USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG "},
    {3, "BHD IQD JOD KWD LYD OMR TND "},
    {4, "CLF UYW "},
};

int32_t farm_money_scale(const char *key) {
    if (key == NULL || strnlen(key, 4) != 3) return -1;
    for (size_t i = 0; i < sizeof currencies / sizeof *currencies; i++)
        for (const char *code = currencies[i].codes; *code != '\0'; code += 4)
            if (memcmp(code, key, 3) == 0) return currencies[i].scale;
    return -1;
}

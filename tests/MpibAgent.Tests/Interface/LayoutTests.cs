using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MpibAgent.Interface;

namespace MpibAgent.Tests.Interface;

/// <summary>The bytes of the contract, written out by hand.</summary>
public sealed class LayoutTests
{
    [Fact]
    public void Sizes_are_those_of_the_contract()
    {
        Assert.Equal(4112, HintLayout.RegionSize);
        Assert.Equal(16, Unsafe.SizeOf<HintHeader>());
        Assert.Equal(16, Unsafe.SizeOf<HintEntry>());
        Assert.Equal(28, Unsafe.SizeOf<RegisterRequest>());
        Assert.Equal(12, Unsafe.SizeOf<DeregisterRequest>());
        Assert.Equal(16, Unsafe.SizeOf<RegisterResponse>());
        Assert.Equal(12, Unsafe.SizeOf<DeregisterResponse>());
    }

    [Fact]
    public void A_register_request_has_these_bytes() => Assert.Equal(
        "5249504D 1C00 01 00 DDCCBBAA 0A000102 0A000103 14000102 14000103",
        Hex(
            new RegisterRequest
            {
                Header = new MessageHeader(MessageType.Register, RegisterRequest.Size),
                ConnId = 0xAABBCCDD,
                SoutSource = Ipv4Address.Parse("10.0.1.2"),
                SoutDestination = Ipv4Address.Parse("10.0.1.3"),
                SupSource = Ipv4Address.Parse("20.0.1.2"),
                SupDestination = Ipv4Address.Parse("20.0.1.3"),
            },
            4, 2, 1, 1, 4, 4, 4, 4, 4));

    [Fact]
    public void A_deregister_request_has_these_bytes() => Assert.Equal(
        "5249504D 0C00 02 00 DDCCBBAA",
        Hex(new DeregisterRequest { Header = new MessageHeader(MessageType.Deregister, DeregisterRequest.Size), ConnId = 0xAABBCCDD }, 4, 2, 1, 1, 4));

    [Theory]
    [InlineData(ResponseStatus.Success, 5, "5249504D 1000 80 00 00 000000 05000000")]
    [InlineData(ResponseStatus.NoFreeSlots, 5, "5249504D 1000 80 00 01 000000 FFFFFFFF")]
    [InlineData(ResponseStatus.InvalidRequest, 5, "5249504D 1000 80 00 02 000000 FFFFFFFF")]
    public void A_response_to_register_has_these_bytes(ResponseStatus status, int slot, string expected) =>
        Assert.Equal(expected, Hex(new RegisterResponse(status, slot), 4, 2, 1, 1, 1, 3, 4));

    [Theory]
    [InlineData(ResponseStatus.Success, "5249504D 0C00 80 00 00 000000")]
    [InlineData(ResponseStatus.InvalidRequest, "5249504D 0C00 80 00 02 000000")]
    public void A_response_to_deregister_has_these_bytes(ResponseStatus status, string expected) =>
        Assert.Equal(expected, Hex(new DeregisterResponse(status), 4, 2, 1, 1, 1, 3));

    [Fact]
    public void An_entry_has_these_bytes() => Assert.Equal(
        "02000000 06000000 0A000102 0A000103",
        Hex(new HintEntry { SupBw = 2, Seq = 6, Source = Ipv4Address.Parse("10.0.1.2"), Destination = Ipv4Address.Parse("10.0.1.3") }, 4, 4, 4, 4));

    [Theory]
    [InlineData("0.0.0.0", 0u)]
    [InlineData("10.0.1.2", 0x0201000Au)]
    [InlineData("255.255.255.255", 0xFFFFFFFFu)]
    public void An_address_keeps_its_bytes_as_they_come(string text, uint raw)
    {
        Assert.Equal(raw, Ipv4Address.Parse(text).Raw);
        Assert.Equal(text, new Ipv4Address(raw).ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("::1")]
    [InlineData("10.0.0.256")]
    [InlineData("010.0.0.1")]
    [InlineData("10.0.1")]
    public void What_is_no_address_is_refused(string text) => Assert.Throws<FormatException>(() => Ipv4Address.Parse(text));

    private static string Hex<T>(T value, params int[] groups)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
        Assert.Equal(groups.Sum(), bytes.Length);
        var at = 0;
        return string.Join(' ', groups.Select(length => Convert.ToHexString(bytes, (at += length) - length, length)));
    }
}

using System.Text;
using MpibAgent.Logging;

namespace MpibAgent.Tests.Logging;

public sealed class JournalFieldNameTests
{
    [Theory]
    [InlineData("Slot", "MPIB_SLOT")]
    [InlineData("ConnId", "MPIB_CONN_ID")]
    [InlineData("SrcIP", "MPIB_SRC_IP")]
    [InlineData("IPAddress", "MPIB_IP_ADDRESS")]
    [InlineData("Rail2Rate", "MPIB_RAIL2_RATE")]
    [InlineData("pid", "MPIB_PID")]
    [InlineData("A", "MPIB_A")]
    [InlineData("0", "MPIB_0")]
    [InlineData("Already_Split", "MPIB_ALREADY_SPLIT")]
    [InlineData("_UID", "MPIB__UID")]
    [InlineData("MESSAGE", "MPIB_MESSAGE")]
    [InlineData(
        "Abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghi",
        "MPIB_ABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHI")]
    public void A_property_name_becomes_a_field_name(string property, string expected)
    {
        Span<byte> name = stackalloc byte[JournalFieldName.MaxLength];
        Assert.True(JournalFieldName.TryWrite(property, name, out var length));
        Assert.Equal(expected, Encoding.ASCII.GetString(name[..length]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Con Id")]
    [InlineData("Conn\nMESSAGE")]
    [InlineData("Conn=1")]
    [InlineData("Größe")]
    [InlineData("conn\u0131d")]
    [InlineData("Peer.Uid")]
    [InlineData("Event")]
    [InlineData("Component")]
    [InlineData("Exception")]
    [InlineData("exception")]
    [InlineData("Abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij")]
    [InlineData("AbcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefgHi")]
    public void Another_name_becomes_none(string property)
    {
        Span<byte> name = stackalloc byte[JournalFieldName.MaxLength];
        Assert.False(JournalFieldName.TryWrite(property, name, out _));
    }
}
